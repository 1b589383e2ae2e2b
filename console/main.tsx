/** Starts the console in the browser: the frame, the keys, and the page that the address names. */
import { signal } from "@preact/signals";
import { render } from "preact";
import "./style.css";
import type { Me } from "../src/console/types.ts";
import {
  follow,
  freshness,
  get,
  go,
  holdStill,
  list,
  loadList,
  me,
  path,
  Refused,
  releaseStill,
  still,
} from "./api.ts";
import { CanariesPage } from "./pages/canaries.tsx";
import { CanaryPage } from "./pages/canary.tsx";
import { MePage } from "./pages/me.tsx";
import { NowPage } from "./pages/now.tsx";
import { RunPage, RunsPage } from "./pages/runs.tsx";
import { Empty, Link, Trouble } from "./parts.tsx";

const signIn = signal<Refused | undefined>(undefined);
const keysShown = signal(false);

function Page() {
  const parts = path.value.split("/").filter(Boolean).map(decodeURIComponent);
  const [page = "", namespace = "", name = ""] = parts;
  if (page === "") return <NowPage />;
  if (page === "canaries" && parts.length === 1) return <CanariesPage />;
  if (page === "canaries" && parts.length === 3)
    return <CanaryPage key={path.value} namespace={namespace} name={name} />;
  if (page === "runs" && parts.length === 1) return <RunsPage />;
  if (page === "runs" && parts.length === 3) return <RunPage key={path.value} namespace={namespace} id={name} />;
  if (page === "me") return <MePage />;
  return (
    <Empty title="There is no such page">
      <p>
        <Link to="/">Back to now</Link>
      </p>
    </Empty>
  );
}

const FRESH = {
  connecting: "connecting",
  live: "live",
  stale: "not live: reading every 10 s",
  offline: "offline",
} as const;

function Frame() {
  const attention = [...(list.value?.rows.values() ?? [])].filter((row) => row.attention).length;
  const at = (prefix: string) =>
    path.value === prefix || (prefix !== "/" && path.value.startsWith(prefix)) ? "page" : undefined;
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
          <span aria-current={at("/canaries")}>
            <Link to="/canaries">Canaries</Link>
          </span>
          <span aria-current={at("/runs")}>
            <Link to="/runs">Releases</Link>
          </span>
          <span aria-current={at("/me")}>
            <Link to="/me">Me</Link>
          </span>
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
          <span class={`fresh ${freshness.value}`}>
            <span aria-hidden="true">{freshness.value === "live" ? "●" : "○"}</span> {FRESH[freshness.value]}
          </span>
        </span>
      </header>
      <main id="page" tabIndex={-1}>
        {signIn.value === undefined ? <Page /> : <Trouble problem={signIn.value} />}
      </main>
      {keysShown.value && <Keys />}
    </>
  );
}

function Keys() {
  return (
    <dialog open aria-label="Keys" class="keys">
      <h2>Keys</h2>
      <ul>
        <li>
          <kbd>g</kbd> <kbd>n</kbd> now
        </li>
        <li>
          <kbd>g</kbd> <kbd>c</kbd> canaries
        </li>
        <li>
          <kbd>g</kbd> <kbd>r</kbd> releases
        </li>
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

const PLACES: Readonly<Record<string, string>> = { n: "/", c: "/canaries", r: "/runs" };
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
  const root = document.getElementById("app");
  if (root === null) throw new Error("the page has no element #app");
  render(<Frame />, root);
  try {
    me.value = await get<Me>("/me");
  } catch (error) {
    signIn.value = error instanceof Refused ? error : new Refused(0, String(error));
    return;
  }
  await loadList();
  follow();
}

void start();
