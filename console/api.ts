/** Talks to the server: JSON by fetch, changes by one stream. Nothing is kept in the browser's storage but the theme. */
import { computed, signal } from "@preact/signals";
import type { CanaryRow, Me, Problem } from "../src/console/types.ts";

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
  const search = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === "") search.delete(name);
    else search.set(name, value);
  }
  const text = search.toString();
  history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
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

export async function get<T>(address: string): Promise<T> {
  return await ask<T>(address, { headers: { accept: "application/json" } });
}

export async function post<T>(address: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return await ask<T>(address, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Set when the server no longer knows who asks. */
export const signedOut = signal<Refused | undefined>(undefined);

async function ask<T>(address: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(href(`/api/v1${address}`), { ...init, credentials: "same-origin" });
  } catch {
    throw new Refused(0, "The console does not answer. It may have been stopped, or the network is down.");
  }
  const body = (await response
    .json()
    .catch(() => ({ error: `the answer is no JSON (status ${response.status})` }))) as T &
    Partial<Problem> & { message?: string };
  if (!response.ok) {
    const refused = new Refused(response.status, body.error ?? body.message ?? `status ${response.status}`);
    // A session that ends while a page is open: the person signs in again, on the page that they were on.
    if (response.status === 401 && address !== "/login") signedOut.value = refused;
    throw refused;
  }
  return body;
}

export const me = signal<Me | undefined>(undefined);

export type Freshness = "connecting" | "live" | "stale" | "offline";
export const freshness = signal<Freshness>("connecting");
/** Holds the screen still: changes are kept back until it is off again. */
export const still = signal(false);

export interface List {
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

export async function loadList(): Promise<void> {
  try {
    const answer = await get<{ rows: CanaryRow[]; hidden: number; absent?: boolean; trouble?: string }>("/canaries");
    const rows = new Map(answer.rows.map((row) => [keyOf(row), row]));
    list.value = { rows, hidden: answer.hidden, absent: answer.absent === true, trouble: answer.trouble };
    listProblem.value = undefined;
  } catch (error) {
    listProblem.value = refusedOf(error);
  }
}

const SILENT_MS = 35_000;
const POLL_MS = 10_000;
let heard = 0;

/** Changes that are not on the screen yet: the last one of each canary. */
let pending = new Map<string, CanaryRow | undefined>();
let drawing = false;
const DRAW_MS = 100;

/** Many changes are drawn as one: a list of thousands is not copied for each of them. */
function change(key: string, row: CanaryRow | undefined): void {
  pending.set(key, row);
  if (drawing || still.value) return;
  drawing = true;
  setTimeout(draw, DRAW_MS);
}

function draw(): void {
  drawing = false;
  const before = list.value;
  if (before === undefined || still.value || pending.size === 0) return;
  const rows = new Map(before.rows);
  for (const [key, row] of pending) {
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
  }
  const keys = new Set(pending.keys());
  pending = new Map();
  list.value = { ...before, rows };
  changes.value = { keys, count: changes.value.count + 1 };
}

export function holdStill(): void {
  still.value = true;
}

export function releaseStill(): void {
  still.value = false;
  draw();
}

/** Follows the stream for as long as the page lives; polls where a proxy holds the stream back. */
export function follow(): void {
  let source: EventSource | undefined;
  const alive = () => {
    heard = Date.now();
    freshness.value = "live";
  };
  const connect = () => {
    source?.close();
    source = new EventSource(href("/api/v1/stream"), { withCredentials: true });
    source.addEventListener("hello", alive);
    source.addEventListener("row", (event) => {
      alive();
      const row = JSON.parse(event.data) as CanaryRow;
      change(keyOf(row), row);
    });
    source.addEventListener("gone", (event) => {
      alive();
      change(keyOf(JSON.parse(event.data) as { namespace: string; name: string }), undefined);
    });
    source.addEventListener("reset", () => {
      alive();
      void loadList();
    });
    source.addEventListener("error", () => {
      freshness.value = navigator.onLine ? "stale" : "offline";
    });
  };
  connect();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && freshness.value !== "live") {
      connect();
      void loadList();
    }
  });
  window.addEventListener("online", connect);
  setInterval(() => {
    if (Date.now() - heard < SILENT_MS) return;
    if (freshness.value === "live") freshness.value = "stale";
    void loadList();
  }, POLL_MS);
}
