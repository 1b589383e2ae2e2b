/** The command line of the load-test service, as Flagger's chart and manifests write it. */
import { durationOf, type FlagTable, lastOf, readGoFlags } from "../go/flags.ts";

const LEVELS = ["debug", "info", "warn", "error", "fatal", "panic"] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface LoadtesterFlags {
  readonly logLevel: LogLevel;
  readonly port: number;
  readonly timeoutMs: number;
  readonly namespaceRegexp: string;
  readonly namespaceRegexpFull: boolean;
  /** Empty: no token is required. */
  readonly tokenFile: string;
  readonly commandEnv: readonly string[];
  readonly maxAwaited: number;
  readonly logEncoding: "json" | "console";
}

export type LoadtesterCommandLine =
  | { readonly kind: "run"; readonly flags: LoadtesterFlags }
  /** `-h`: `text` goes to the user, exit code 0. */
  | { readonly kind: "help"; readonly text: string }
  /** `text` goes to stderr, exit code 2. */
  | { readonly kind: "wrong"; readonly text: string };

const TABLE: FlagTable = {
  ...{ "log-level": "text", port: "text", timeout: "duration", "namespace-regexp": "text" },
  ...{ "namespace-regexp-full": "bool", "token-file": "text", "command-env": "text", "max-awaited": "int" },
  ...{ "zap-replace-globals": "bool", "zap-encoding": "text" },
};

export const LOADTESTER_USAGE = `Usage of loadtester:
  -command-env string
    	Aviary's own: comma-separated variables that commands see besides PATH, HOME and the like; * for all of them.
  -log-level string
    	Log level can be: debug, info, warn, error. (default "debug")
  -max-awaited int
    	Aviary's own: awaited tasks (bash, helm, kubectl, concord) at once; more are answered with 429. (default 50)
  -namespace-regexp string
    	Only canaries in namespaces that match this regular expression may call; empty: all of them.
  -namespace-regexp-full
    	Aviary's own: -namespace-regexp must match the whole name of the namespace.
  -port string
    	Port to listen on. (default "9090")
  -timeout duration
    	Time after which a command is killed. (default 1h0m0s)
  -token-file string
    	Aviary's own: file with a token, without which no task is run and no gate opened.
  -zap-encoding string
    	Log encoding: json or console. (default "json")
  -zap-replace-globals
    	Accepted and ignored.
`;

/** One or two dashes, `-f v` or `-f=v`. */
export function parseLoadtesterFlags(argv: readonly string[]): LoadtesterCommandLine {
  const read = readGoFlags(argv, TABLE);
  if (read.kind === "help") return { kind: "help", text: LOADTESTER_USAGE };
  if (read.kind === "wrong") return wrong(read.message);
  const port = lastOf(read.flags, "port") ?? "9090";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return wrong(`invalid value "${port}" for flag -port: no port`);
  const pattern = lastOf(read.flags, "namespace-regexp") ?? "";
  if (!isRegExp(pattern)) return wrong(`invalid value "${pattern}" for flag -namespace-regexp: no regular expression`);
  const maxAwaited = Number(lastOf(read.flags, "max-awaited") ?? "50");
  if (maxAwaited < 1) return wrong(`invalid value "${maxAwaited}" for flag -max-awaited: at least 1`);
  const level = lastOf(read.flags, "log-level") ?? "debug";
  return {
    kind: "run",
    flags: {
      // Q75: `warning` is documented; any other unknown value means info.
      logLevel: level === "warning" ? "warn" : (LEVELS.find((known) => known === level) ?? "info"),
      port: Number(port),
      timeoutMs: durationOf(read.flags, "timeout", 3_600_000),
      namespaceRegexp: pattern,
      namespaceRegexpFull: lastOf(read.flags, "namespace-regexp-full") === "true",
      tokenFile: lastOf(read.flags, "token-file") ?? "",
      commandEnv: (lastOf(read.flags, "command-env") ?? "").split(",").filter((name) => name !== ""),
      maxAwaited,
      logEncoding: lastOf(read.flags, "zap-encoding") === "console" ? "console" : "json",
    },
  };
}

function isRegExp(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}

function wrong(message: string): LoadtesterCommandLine {
  return { kind: "wrong", text: `${message}\n${LOADTESTER_USAGE}` };
}
