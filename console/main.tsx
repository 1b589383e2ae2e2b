/** Starts the console in the browser: the frame, the keys, and the page that the address names. */
import { signal } from "@preact/signals";
import { type ComponentChildren, render } from "preact";
import "./style.css";
import type { Me } from "../src/console/types.ts";
import {
  freshness,
  get,
  go,
  holdStill,
  listed,
  loadList,
  me,
  path,
  type Refused,
  refusedOf,
  releaseStill,
  signedOut,
  skewMs,
  still,
} from "./api.ts";
import { span } from "./format.ts";
import { CanariesPage } from "./pages/canaries.tsx";
import { CanaryPage } from "./pages/canary.tsx";
import { ChecksPage } from "./pages/checks.tsx";
import { ComparePage } from "./pages/compare.tsx";
import { Embed } from "./pages/embed.tsx";
import { FreezesPage } from "./pages/freezes.tsx";
import { GatesPage } from "./pages/gates.tsx";
import { InsightsPage } from "./pages/insights.tsx";
import { MePage } from "./pages/me.tsx";
import { NowPage } from "./pages/now.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { SignIn } from "./pages/signin.tsx";
import { Empty, isEmbedded, Link, Trouble } from "./parts.tsx";
import { follow } from "./stream.ts";

const failed = signal<Refused | undefined>(undefined);
const keysShown = signal(false);

const SINGLE: Readonly<Record<string, () => ComponentChildren>> = {
  canaries: CanariesPage,
  runs: RunsPage,
  compare: ComparePage,
  gates: GatesPage,
  freezes: FreezesPage,
  insights: InsightsPage,
  checks: ChecksPage,
  me: MePage,
};

/** An address that a person has mistyped may hold a lonely percent sign. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Page() {
  const parts = path.value.split("/").filter(Boolean).map(decoded);
  const [page = "", namespace = "", name = ""] = parts;
  if (page === "") return <NowPage />;
  if (page === "canaries" && parts.length === 3)
    return <CanaryPage key={path.value} namespace={namespace} name={name} />;
  if (page === "runs" && parts.length === 3) return <RunPage key={path.value} namespace={namespace} id={name} />;
  const single = parts.length === 1 ? SINGLE[page] : undefined;
  if (single !== undefined) {
    const Single = single;
    return <Single />;
  }
  return (
    <Empty page="Not found" title="There is no such page">
      <p>
        <Link to="/">Back to now</Link>
      </p>
    </Empty>
  );
}

const PAGES: readonly (readonly [to: string, name: string])[] = [
  ["/canaries", "Canaries"],
  ["/runs", "Releases"],
  ["/gates", "Gates"],
  ["/freezes", "Freezes"],
  ["/insights", "Insights"],
  ["/checks", "Checks"],
  ["/me", "Me"],
];

const FRESH = {
  connecting: "connecting",
  live: "live",
  stale: "not live: reading every 10 s",
  offline: "offline",
} as const;

function Frame() {
  const attention = listed.value.filter((row) => row.attention).length;
  const waiting = listed.value.filter((row) => row.gates.length > 0).length;
  const at = (prefix: string) =>
    path.value === prefix ||
    (prefix !== "/" && path.value.startsWith(prefix)) ||
    // Two releases are compared.
    (prefix === "/runs" && path.value === "/compare")
      ? "page"
      : undefined;
  return (
    <>
      <a class="skip" href="#page">
        To the page
      </a>
      <header class="bar">
        <Link to="/" class="brand">
          Aviary
        </Link>
        <nav aria-label="Pages">
          <span aria-current={at("/")}>
            <Link to="/">
              Now
              {attention > 0 && (
                <span class="count">
                  {attention}
                  <span class="sr"> need you</span>
                </span>
              )}
            </Link>
          </span>
          {PAGES.map(([to, name]) => (
            <span key={to} aria-current={at(to)}>
              <Link to={to}>
                {name}
                {to === "/gates" && waiting > 0 && (
                  <span class="count">
                    {waiting}
                    <span class="sr"> wait</span>
                  </span>
                )}
              </Link>
            </span>
          ))}
        </nav>
        <span class="right">
          <label class="still">
            <input
              type="checkbox"
              checked={still.value}
              onChange={(event) => (event.currentTarget.checked ? holdStill() : releaseStill())}
            />{" "}
            Hold still
          </label>
          <Skew />
          <span class={`fresh ${freshness.value}`}>
            <span aria-hidden="true">{freshness.value === "live" ? "●" : "○"}</span> {FRESH[freshness.value]}
          </span>
        </span>
      </header>
      <main id="page" tabIndex={-1}>
        {signedOut.value !== undefined ? (
          <SignIn problem={signedOut.value} />
        ) : failed.value !== undefined ? (
          <Trouble problem={failed.value} again={() => void start()} />
        ) : (
          <Page />
        )}
      </main>
      {keysShown.value && <Keys />}
    </>
  );
}

const SKEW_WORTH_SAYING_MS = 60_000;

/** Times on the pages are the server's: a person whose clock differs would wonder. */
function Skew() {
  const skew = skewMs.value;
  if (Math.abs(skew) < SKEW_WORTH_SAYING_MS) return null;
  return (
    <span class="fresh stale">
      <span aria-hidden="true">◷</span> your clock is {span(Math.abs(skew))} {skew > 0 ? "ahead" : "behind"}
    </span>
  );
}

function Keys() {
  return (
    <dialog open aria-label="Keys" class="keys">
      <h2>Keys</h2>
      <ul>
        {Object.entries(PLACES).map(([key, to]) => (
          <li key={key}>
            <kbd>g</kbd> <kbd>{key}</kbd> {to === "/" ? "now" : (PAGES.find(([page]) => page === to)?.[1] ?? to)}
          </li>
        ))}
        <li>
          <kbd>/</kbd> search
        </li>
        <li>
          <kbd>?</kbd> this help
        </li>
      </ul>
      <button
        type="button"
        onClick={() => {
          keysShown.value = false;
        }}
      >
        Close
      </button>
    </dialog>
  );
}

const PLACES: Readonly<Record<string, string>> = {
  ...{ n: "/", c: "/canaries", r: "/runs", w: "/gates" },
  ...{ f: "/freezes", i: "/insights", k: "/checks", m: "/me" },
};
let leader = false;

document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    target.matches("input, select, textarea") ||
    document.querySelector("dialog[open]:not(.keys)")
  )
    return;
  if (event.key === "Escape") keysShown.value = false;
  if (event.key === "?") keysShown.value = !keysShown.value;
  if (event.key === "/") {
    event.preventDefault();
    if (path.value !== "/canaries") go("/canaries");
    requestAnimationFrame(() => document.querySelector<HTMLInputElement>('input[type="search"]')?.focus());
  }
  const place = PLACES[event.key];
  if (leader && place !== undefined) go(place);
  leader = event.key === "g";
});

async function start(): Promise<void> {
  failed.value = undefined;
  // Both at once: the list is what a person waits for.
  const read = loadList();
  try {
    me.value = await get<Me>("/me");
  } catch (error) {
    failed.value = refusedOf(error);
    return;
  }
  await read;
  follow();
}

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no element #app");
render(isEmbedded ? <Embed /> : <Frame />, root);
void start();
