/** The operator under test, with its log. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAccess } from "../../../src/kube/config.ts";
import type { LeaseTiming } from "../../../src/kube/lease.ts";
import { type OperatorFlags, readOperatorFlags } from "../../../src/operator/process/flags.ts";
import { type OperatorEnd, runOperator } from "../../../src/operator/process/process.ts";
import { createLogger } from "../../../src/recorders/log/logger.ts";
import { systemClock } from "../../../src/time/system-clock.ts";
import { PATIENCE_MS } from "../../patience.ts";

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly canary?: string;
  readonly [field: string]: unknown;
}

export interface OperatorSettings {
  readonly leaseTiming?: LeaseTiming;
  /** The call resolves once this was logged; "Started operator workers" when absent. */
  readonly begun?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Operator {
  readonly lines: readonly LogLine[];
  /** Settles when the operator ends by itself. */
  readonly ended: Promise<OperatorEnd>;
  /** Resolves with the first line, present or future, whose text contains `text`. */
  logged(text: string): Promise<LogLine>;
  /** GET of one of its own addresses. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

/** Flags of tests: fast, and nothing that needs a metric server. */
const FLAGS = [
  "-port=0",
  "-interval-floor=100ms",
  "-log-level=debug",
  "-metrics-server=http://127.0.0.1:1",
  "-allow-local-egress",
];

/** @throws Error for flags that do not parse */
export function operatorFlags(flags: readonly string[], env: Readonly<Record<string, string>> = {}): OperatorFlags {
  const read = readOperatorFlags([...FLAGS, ...flags], env);
  if (read.kind !== "run") throw new Error(`flags do not parse: ${JSON.stringify(read)}`);
  return read.flags;
}

export async function startOperator(
  kubeconfig: string,
  flags: readonly string[],
  settings: OperatorSettings,
): Promise<Operator> {
  const journal = createJournal();
  const stop = new AbortController();
  const { env = {} } = settings;
  const ended = runOperator({
    flags: operatorFlags(flags, env),
    version: "1.44.0",
    log: createLogger({ level: "debug", encoding: "json", write: journal.write }),
    clock: systemClock,
    random: Math.random,
    signal: stop.signal,
    host: "127.0.0.1",
    env,
    access: await accessFrom(kubeconfig),
    ...(settings.leaseTiming === undefined ? {} : { leaseTiming: settings.leaseTiming }),
  });
  ended.catch(() => undefined); // the caller gets the error below, or from `ended`
  const operator: Operator = {
    lines: journal.lines,
    ended,
    logged: journal.logged,
    async get(path) {
      const { msg } = await journal.logged("Starting HTTP server on port ");
      const answer = await fetch(`http://127.0.0.1:${msg.split(" ").at(-1)}${path}`);
      return { status: answer.status, body: await answer.text() };
    },
    async stop() {
      stop.abort(new Error("SIGTERM"));
      await ended.catch(() => undefined);
    },
  };
  const failed = ended.then(() => undefined);
  await Promise.race([journal.logged(settings.begun ?? "Started operator workers"), failed]);
  return operator;
}

async function accessFrom(kubeconfig: string) {
  const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  try {
    const file = join(folder, "kubeconfig");
    writeFileSync(file, kubeconfig);
    return await loadAccess({ clock: systemClock, kubeconfig: file });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Log lines, and the callers that wait for one. */
export function createJournal() {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  return {
    lines,
    write(text: string): void {
      const line: LogLine = JSON.parse(text);
      lines.push(line);
      for (const tell of waiting) tell(line);
    },
    logged(text: string): Promise<LogLine> {
      const known = lines.find(({ msg }) => msg.includes(text));
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const fail = () => reject(new Error(`waited ${PATIENCE_MS / 1000} s for the log line "${text}"`));
        const timer = setTimeout(fail, PATIENCE_MS);
        const tell = (line: LogLine) => {
          if (!line.msg.includes(text)) return;
          clearTimeout(timer);
          waiting.delete(tell);
          resolve(line);
        };
        waiting.add(tell);
      });
    },
  };
}
