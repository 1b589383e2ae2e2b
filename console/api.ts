/**
 * Talks to the server: JSON by fetch, and the list that stream.ts keeps current. The browser's storage holds nothing
 * but the theme.
 */
import { computed, signal } from "@preact/signals";
import type { CanaryRow, Me, Problem } from "../src/console/types.ts";
import { readRows } from "./lines.ts";

const BASE = document.querySelector<HTMLMetaElement>('meta[name="base-path"]')?.content ?? "/";
export const href = (path: string): string => BASE + path.replace(/^\//, "");

/** The path below the base, e.g. "/canaries/test/podinfo". */
export const path = signal(currentPath());
export const query = signal(location.search);

function currentPath(): string {
  return `/${location.pathname.slice(BASE.length)}`;
}

export function go(to: string): void {
  history.pushState(null, "", href(to));
  path.value = currentPath();
  query.value = location.search;
  window.scrollTo(0, 0);
}

/** A filter belongs to the address, so that it can be shared, and is no step of the history. */
export function setQuery(values: Readonly<Record<string, string>>): void {
  writeQuery(values);
  readQuery();
}

/** The address alone: what is shown follows with `readQuery`. */
export function writeQuery(values: Readonly<Record<string, string>>): void {
  const search = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === "") search.delete(name);
    else search.set(name, value);
  }
  const text = search.toString();
  history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
}

export function readQuery(): void {
  query.value = location.search;
}

window.addEventListener("popstate", () => {
  path.value = currentPath();
  query.value = location.search;
});

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const refusedOf = (error: unknown): Refused =>
  error instanceof Refused ? error : new Refused(0, String(error));

export async function get<T>(address: string, read?: ReadBody): Promise<T> {
  return await ask<T>(address, { headers: { accept: "application/json" } }, read);
}

export async function post<T>(address: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return await ask<T>(address, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Set when the server no longer knows who asks. */
export const signedOut = signal<Refused | undefined>(undefined);

type ReadBody = (response: Response) => Promise<unknown>;

async function ask<T>(address: string, init: RequestInit, read: ReadBody = (response) => response.json()): Promise<T> {
  let response: Response;
  try {
    response = await fetch(href(`/api/v1${address}`), { ...init, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The console does not answer. It may have been stopped, or the network is down.");
  }
  compareClocks(response.headers.get("date"));
  const body = (await read(response).catch(() => ({
    error: `the answer is no JSON (status ${response.status})`,
  }))) as T & Partial<Problem> & { message?: string };
  if (!response.ok) {
    const refused = new Refused(response.status, body.error ?? body.message ?? `status ${response.status}`);
    // A session that ends while a page is open: the person signs in again, on the page that they were on.
    if (response.status === 401 && address !== "/login") signedOut.value = refused;
    throw refused;
  }
  return body;
}

/**
 * How far this computer's clock is ahead of the server's, in milliseconds; small differences are the way of the answer.
 */
export const skewMs = signal(0);
const WORTH_TELLING_MS = 5000;

function compareClocks(date: string | null): void {
  const served = Date.parse(date ?? "");
  if (Number.isNaN(served)) return;
  const ahead = Date.now() - served;
  const skew = Math.abs(ahead) < WORTH_TELLING_MS ? 0 : ahead;
  if (Math.abs(skew - skewMs.value) >= WORTH_TELLING_MS) skewMs.value = skew;
}

export const me = signal<Me | undefined>(undefined);

export type Freshness = "connecting" | "live" | "stale" | "offline";
export const freshness = signal<Freshness>("connecting");
/** Holds the screen still: changes are kept back until it is off again. */
export const still = signal(false);

export interface List {
  /** By namespace/name, in this order. */
  readonly rows: ReadonlyMap<string, CanaryRow>;
  readonly hidden: number;
  readonly absent: boolean;
  readonly trouble: string | undefined;
}

export const list = signal<List | undefined>(undefined);
/** The rows of the list; none before it is read. */
export const listed = computed<readonly CanaryRow[]>(() => [...(list.value?.rows.values() ?? [])]);
export const listProblem = signal<Refused | undefined>(undefined);
/** Counts changes of rows: pages of one canary read again when it grows. */
export const changes = signal<{ readonly keys: ReadonlySet<string>; readonly count: number }>({
  keys: new Set(),
  count: 0,
});

export const keyOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`;

interface ListAnswer {
  readonly rows: CanaryRow[];
  readonly hidden: number;
  /** The id of the stream that the list is as new as. */
  readonly at: string;
  readonly absent?: boolean;
  readonly trouble?: string;
}

/** The last id of the stream whose change is on the screen or on its way there. */
export const seen = { id: "" };

export async function loadList(): Promise<void> {
  try {
    const answer = await get<ListAnswer>("/canaries", readRows);
    seen.id = answer.at;
    const rows = new Map(answer.rows.map((row) => [keyOf(row), row]));
    list.value = { rows, hidden: answer.hidden, absent: answer.absent === true, trouble: answer.trouble };
    listProblem.value = undefined;
  } catch (error) {
    listProblem.value = refusedOf(error);
  }
}

/** Changes that are not on the screen yet: the last one of each canary. */
let pending = new Map<string, CanaryRow | undefined>();
let drawing = false;
const DRAW_MS = 100;

/** Releases whose record has grown: what is on the screen of them is read again. */
let grown = new Set<string>();

/**
 * Many changes are drawn as one: a list of thousands is not copied for each of them.
 * @param row undefined: it is gone
 */
export function change(key: string, row: CanaryRow | undefined): void {
  pending.set(key, row);
  drawSoon();
}

export function grow(key: string): void {
  grown.add(key);
  drawSoon();
}

function drawSoon(): void {
  if (drawing || still.value) return;
  drawing = true;
  setTimeout(draw, DRAW_MS);
}

function draw(): void {
  drawing = false;
  const before = list.value;
  if (before === undefined || still.value || pending.size + grown.size === 0) return;
  const keys = new Set([...pending.keys(), ...grown]);
  if (pending.size > 0) {
    const rows = new Map(before.rows);
    let isNew = false;
    for (const [key, row] of pending) {
      if (row === undefined) rows.delete(key);
      else {
        isNew ||= !rows.has(key);
        rows.set(key, row);
      }
    }
    list.value = { ...before, rows: isNew ? inOrder(rows) : rows };
  }
  pending = new Map();
  grown = new Set();
  changes.value = { keys, count: changes.value.count + 1 };
}

const inOrder = (rows: ReadonlyMap<string, CanaryRow>): ReadonlyMap<string, CanaryRow> =>
  new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));

export function holdStill(): void {
  still.value = true;
}

export function releaseStill(): void {
  still.value = false;
  draw();
}
