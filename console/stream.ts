/**
 * Follows the server's stream of changes. The tabs of one browser share one stream: a browser opens only six
 * connections to a server, and a seventh tab would wait for ever. The tab that holds the lock reads the stream and
 * passes it on; when that tab closes, the next one goes on from the last id. Where a proxy holds the stream back, each
 * tab reads the list every ten seconds.
 */
import type { CanaryRow } from "../src/console/types.ts";
import { change, freshness, grow, href, keyOf, loadList, seen } from "./api.ts";
import { nextFrame } from "./next-frame.ts";

const SILENT_MS = 35_000;
const POLL_MS = 10_000;
const NAMES = ["hello", "row", "gone", "record", "reset"] as const;

interface StreamEvent {
  readonly name: (typeof NAMES)[number];
  readonly data: string;
  readonly id: string;
}

/** What one tab passes on to the others. */
type Told =
  | { readonly kind: "events"; readonly events: readonly StreamEvent[] }
  | { readonly kind: "broken" }
  /** A tab that was just opened asks how the stream is. */
  | { readonly kind: "ask" };

let heard = Date.now();

function broken(): void {
  freshness.value = navigator.onLine ? "stale" : "offline";
}

function take({ name, data, id }: StreamEvent): void {
  if (id !== "" && name !== "hello") seen.id = id;
  if (name === "hello") return;
  if (name === "reset") {
    void loadList();
    return;
  }
  const content = JSON.parse(data) as CanaryRow;
  if (name === "record") grow(keyOf(content));
  else change(keyOf(content), name === "gone" ? undefined : content);
}

/** Reads the stream until the page is closed. @param tell passes on what came */
function read(tell: (told: Told) => void): { readonly again: () => void } {
  let source: EventSource | undefined;
  let later: ReturnType<typeof setTimeout> | undefined;
  // Hundreds of changes that come at once are passed on and read as one: each alone would cost as much.
  let come: StreamEvent[] = [];
  const passOn = () => {
    const events = come;
    come = [];
    tell({ kind: "events", events });
  };
  const again = () => {
    source?.close();
    clearTimeout(later);
    const since = seen.id === "" ? "" : `?since=${encodeURIComponent(seen.id)}`;
    source = new EventSource(href(`/api/v1/stream${since}`), { withCredentials: true });
    for (const name of NAMES)
      source.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
        if (come.push({ name, data, id: lastEventId }) === 1) void nextFrame().then(passOn);
      });
    source.addEventListener("error", () => {
      tell({ kind: "broken" });
      // A browser tries again by itself after a connection that was cut, and gives up after an answer such as 502.
      if (source?.readyState === EventSource.CLOSED) later = setTimeout(again, POLL_MS);
    });
  };
  again();
  return { again };
}

/** Follows for as long as the page lives. */
export function follow(): void {
  const others = new BroadcastChannel(`aviary ${href("/")}`);
  let reader: ReturnType<typeof read> | undefined;
  const hear = (told: Told) => {
    if (told.kind === "events") {
      heard = Date.now();
      freshness.value = "live";
      told.events.forEach(take);
    }
    if (told.kind === "broken") broken();
  };
  const tell = (told: Told) => {
    hear(told);
    others.postMessage(told);
  };
  others.onmessage = ({ data }: MessageEvent<Told>) => {
    hear(data);
    if (data.kind !== "ask" || reader === undefined) return;
    others.postMessage(freshness.value === "live" ? { kind: "events", events: [] } : { kind: "broken" });
  };
  const lead = () => {
    reader = read(tell);
    return new Promise<never>(() => undefined);
  };
  // A page that came without TLS from another machine has no locks: each of its tabs reads for itself.
  if (navigator.locks === undefined) void lead();
  else void navigator.locks.request(`aviary ${href("/")}`, lead);
  others.postMessage({ kind: "ask" });

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || freshness.value === "live") return;
    reader?.again();
    void loadList();
  });
  window.addEventListener("online", () => reader?.again());
  setInterval(() => {
    // A stream that never began is given up sooner than one that was live.
    if (Date.now() - heard < (freshness.value === "connecting" ? POLL_MS : SILENT_MS)) return;
    broken();
    void loadList();
  }, POLL_MS);
}
