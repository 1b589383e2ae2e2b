/**
 * A real operator process beside a stub of the API server: it can be stopped, killed, starved and asked how it fares.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM } from "../program.ts";
import { kubeconfigOf } from "./burst.ts";

export interface Started {
  readonly pid: number;
  /** All that it logged. */
  log(): string;
  /** The port of its metrics, once it listens. */
  readonly port: Promise<number>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  signal(name: NodeJS.Signals): void;
  /** Sets its clock; only with `movesClock`. @param aheadMs of the machine's clock */
  setClock(aheadMs: number): void;
  /** CPU milliseconds of the longest piece of work since the last question; only with `watchesLoop`. */
  longestPiece(): Promise<number>;
  /** Ends it with SIGKILL and removes its files. */
  end(): Promise<void>;
}

export interface StartOptions {
  readonly server: string;
  readonly flags?: readonly string[];
  /** For node. */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Program text that runs before the operator. */
  readonly preload?: string;
  /** Measures how long the event loop is at work without a pause. */
  readonly watchesLoop?: boolean;
  readonly quarantineFile?: string;
  /** How far its clock is ahead when it starts, milliseconds; absent: its clock cannot be set. */
  readonly movesClock?: number;
}

const FLAGS = [
  ...["-port=0", "-mesh-provider=kubernetes", "-metrics-server=http://127.0.0.1:9", "-interval-floor=100ms"],
  ...["-allow-local-egress"],
];

/**
 * A beat every few milliseconds sees how much CPU the thread of the event loop used since the last one. On a machine
 * that is busy with other things the beats are late, and the CPU that the thread did not get is not counted. Nor is
 * that of the threads which compile code and collect garbage beside it. Linux brings the figure up to date when the
 * thread sleeps.
 */
const LOOP_WATCH = `
  import { readFileSync } from "node:fs";
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const usedMs = () => {
    Atomics.wait(cell, 0, 0, 0.01);
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) / 1e6;
  };
  let before = usedMs();
  let longest = 0;
  setInterval(() => {
    const now = usedMs();
    longest = Math.max(longest, now - before);
    before = now;
  }, 5).unref();
  process.on("message", () => {
    process.send(longest);
    longest = 0;
  });
  process.channel?.unref();
`;

function clockMover(aheadMs: number): string {
  return `
    let ahead = ${aheadMs};
    const now = Date.now;
    Date.now = () => now() + ahead;
    process.on("message", (message) => {
      if (typeof message === "number") ahead = message;
    });
    process.channel.unref();
  `;
}

export function startOperator(options: StartOptions): Started {
  const folder = mkdtempSync(join(tmpdir(), "chaos-"));
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(options.server));
  const parts = [
    options.preload ?? "",
    options.watchesLoop === true ? LOOP_WATCH : "",
    options.movesClock === undefined ? "" : clockMover(options.movesClock),
  ];
  writeFileSync(join(folder, "preload.mjs"), parts.join("\n"));
  const child = spawn(
    process.execPath,
    [
      ...(options.execArgv ?? []),
      ...["--import", join(folder, "preload.mjs"), PROGRAM, "operator", `-kubeconfig=${kubeconfig}`],
      ...[...FLAGS, ...(options.flags ?? [])],
    ],
    {
      env: {
        AVIARY_LISTEN_ADDRESS: "127.0.0.1",
        AVIARY_QUARANTINE_FILE: options.quarantineFile ?? join(folder, "quarantine.json"),
        ...options.env,
      },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    },
  );
  let text = "";
  let hear: (port: number) => void = () => undefined;
  const port = new Promise<number>((resolve) => {
    hear = resolve;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const found = /Starting HTTP server on port (\d+)/.exec(text)?.[1];
    if (found !== undefined) hear(Number(found));
  });
  const ended = new Promise<number | string>((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code ?? -1)),
  );
  return {
    pid: child.pid ?? 0,
    log: () => text,
    port,
    ended,
    signal: (name) => void child.kill(name),
    setClock(aheadMs) {
      if (child.connected) child.send(aheadMs);
    },
    longestPiece() {
      const answer = new Promise<number>((resolve) => child.once("message", (ms) => resolve(Number(ms))));
      child.send("how long?");
      return answer;
    },
    async end() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
