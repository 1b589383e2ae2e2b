/** The small parts that several pages draw. State is never colour alone: a sign and a word say it, too. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { CanaryRow } from "../src/console/types.ts";
import { go, href, path, type Refused, skewMs } from "./api.ts";
import { ago, asSentence } from "./format.ts";

const servedNow = (): number => Date.now() - skewMs.value;

/** Ticks once a second for times like "in 43 s". The server's time: the clock of this computer may be wrong. */
export const now = signal(servedNow());
setInterval(() => {
  now.value = servedNow();
}, 1000);
skewMs.subscribe(() => {
  now.value = servedNow();
});

/** How long ago. Only this text is drawn again each second, not the page around it. */
export const Ago = ({ since }: { since: number }) => <>{ago(since, now.value)}</>;

/**
 * The page stands in a frame of another page, or may stand there. Links open the console itself, and no button steers:
 * the other page could hide the frame and lead a person to click on it.
 */
export const isEmbedded = path.peek().startsWith("/embed/") || window.self !== window.top;

/** A click that the page itself follows: not one that asks the browser for another tab. */
export const opensHere = (event: MouseEvent): boolean =>
  !(isEmbedded || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0);

export function Link({ to, children, class: name }: { to: string; children: ComponentChildren; class?: string }) {
  return (
    <a
      href={href(to)}
      class={name}
      target={isEmbedded ? "_blank" : undefined}
      rel={isEmbedded ? "noreferrer" : undefined}
      onClick={(event) => {
        if (!opensHere(event)) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

const SIGNS: Readonly<Record<string, readonly [sign: string, tone: string]>> = {
  Succeeded: ["✓", "good"],
  Initialized: ["✓", "good"],
  Failed: ["✕", "bad"],
  Progressing: ["▶", "busy"],
  Promoting: ["▲", "busy"],
  Finalising: ["▲", "busy"],
  Waiting: ["Ⅱ", "wait"],
  WaitingPromotion: ["Ⅱ", "wait"],
  Initializing: ["…", "busy"],
  Terminating: ["…", "quiet"],
  promoted: ["✓", "good"],
  "rolled-back": ["✕", "bad"],
  running: ["▶", "busy"],
  superseded: ["↷", "quiet"],
  reverted: ["↶", "quiet"],
  deleted: ["–", "quiet"],
};

interface Sign {
  readonly sign: string;
  readonly tone: string;
  readonly text: string;
}

function phaseSign(phase: string): Sign {
  const [sign, tone] = SIGNS[phase] ?? ["?", "quiet"];
  return { sign, tone, text: phase || "new" };
}

/** The state of a canary: its phase, unless a person, a freeze or the operator holds it. */
export function signOf({ phase, paused, frozen, refused }: CanaryRow): Sign {
  if (refused) return { sign: "✕", tone: "bad", text: "Refused" };
  if (frozen) return { sign: "❄", tone: "wait", text: "Frozen" };
  if (!paused) return phaseSign(phase);
  return { sign: "Ⅱ", tone: "wait", text: phase === "Progressing" ? "Paused" : `${phase}, paused` };
}

export const State = ({ phase }: { phase: string }) => <Badge {...phaseSign(phase)} />;
export const CanaryState = ({ row }: { row: CanaryRow }) => <Badge {...signOf(row)} />;

interface BadgeProps extends Pick<Sign, "sign" | "tone"> {
  readonly text: ComponentChildren;
}

export const Badge = ({ sign, tone, text }: BadgeProps) => (
  <span class={`state ${tone}`}>
    <span aria-hidden="true">{sign}</span> {text}
  </span>
);

interface TroubleProps {
  readonly problem: Refused;
  readonly again?: () => void;
  /** The name of the page, which stands above the notice as it stands above the content. */
  readonly page?: string | undefined;
  /** The page has its heading already. */
  readonly isPart?: boolean;
}

export function Trouble({ problem, again, page, isPart = false }: TroubleProps) {
  const { status, message } = problem;
  const title = TITLES[status] ?? "This did not work";
  return (
    <>
      {page !== undefined && <h1>{page}</h1>}
      <div class="notice bad" role="alert">
        {page === undefined && !isPart ? <h1>{title}</h1> : <h2>{title}</h2>}
        <p>{asSentence(message)}</p>
        {status === 403 && !isPart && (
          <p class="dim">
            Ask an administrator of the cluster for a role: <code>aviary-viewer</code> lets you see,{" "}
            <code>aviary-operator</code> lets you steer. <Link to="/me">What you may do</Link>
          </p>
        )}
        {(status === 0 || status === 502) && <p class="dim">Releases go on without the console.</p>}
        {status === 404 && (
          <p>
            <Link to="/canaries">All canaries</Link> · <Link to="/runs">All releases</Link>
          </p>
        )}
        {again !== undefined && ![401, 403, 404].includes(status) && (
          <button type="button" onClick={again}>
            Try again
          </button>
        )}
      </div>
    </>
  );
}

const TITLES: Readonly<Record<number, string>> = {
  0: "No answer",
  401: "Sign in",
  403: "Not allowed",
  404: "Not found",
  502: "The cluster does not answer",
};

/** What is on the screen is older than it should be. */
export function Stale({ problem, again }: { problem: Refused | undefined; again: () => void }) {
  if (problem === undefined) return null;
  return (
    <div class="notice bad" role="alert">
      <p>
        <b>What you see is older.</b> {asSentence(problem.message)}
      </p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  /** The name of the page; absent where the page has its heading already. */
  readonly page?: string;
  readonly children?: ComponentChildren;
}

export function Empty({ title, page, children }: EmptyProps) {
  return (
    <>
      {page !== undefined && <h1>{page}</h1>}
      <div class="notice">
        <h2>{title}</h2>
        {children}
      </div>
    </>
  );
}

interface PendingProps {
  readonly what: string;
  /** The name of the page; absent where only the answer tells it. */
  readonly page?: string | undefined;
  readonly problem: Refused | undefined;
  readonly again: () => void;
}

/** Nothing is there to show: it is read still, or could not be read. */
export function Pending({ what, page, problem, again }: PendingProps) {
  return problem === undefined ? (
    <Loading what={what} page={page} />
  ) : (
    <Trouble problem={problem} again={again} page={page} />
  );
}

interface LoadingProps {
  readonly what: string;
  readonly page?: string | undefined;
  /** The page has its heading already. */
  readonly isPart?: boolean;
}

export function Loading({ what, page, isPart = false }: LoadingProps) {
  return (
    <>
      {page !== undefined ? <h1>{page}</h1> : !isPart && <h1 class="sr">Reading {what}</h1>}
      <p class="loading" role="status">
        Reading {what} …
      </p>
    </>
  );
}

/** Which canary a card is about, and its state. */
export function CardHead({ row }: { row: CanaryRow }) {
  return (
    <div class="head">
      <Link to={canaryPath(row)}>
        <b>{row.name}</b> <span class="dim">{row.namespace}</span>
      </Link>
      <CanaryState row={row} />
    </div>
  );
}

/** What came of a click. */
export interface Said {
  readonly ok: boolean;
  readonly text: string;
}

export function Outcome({ said }: { said: Said | undefined }) {
  if (said === undefined) return null;
  return (
    <p class={`notice ${said.ok ? "good" : "bad"}`} role="alert">
      {said.text}
    </p>
  );
}

/** A record may name any text as its canary: it leads to no other page. */
export const canaryPath = ({ namespace, name }: Pick<CanaryRow, "namespace" | "name">): string =>
  `/canaries/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
