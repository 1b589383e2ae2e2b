/** hey's command line: flags, defaults and refusals as in its own usage text. */
import { readFileSync } from "node:fs";
import { errorText } from "../../error-text.ts";
import { durationOf, type FlagTable, type GivenFlags, lastOf, readGoFlags } from "../../go/flags.ts";

export interface HeyOptions {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Requests in all; `durationMs` above 0 overrides it. */
  readonly requests: number;
  readonly workers: number;
  /** Requests per second of each worker; 0: as fast as the answers come. */
  readonly ratePerWorker: number;
  readonly durationMs: number;
  /** Per request; 0: none. */
  readonly timeoutMs: number;
  readonly output: "summary" | "csv";
  readonly proxy: string | undefined;
  readonly http2: boolean;
  readonly keepAlive: boolean;
  readonly redirects: boolean;
}

export type HeyArguments =
  | { readonly kind: "options"; readonly options: HeyOptions }
  | { readonly kind: "refused"; readonly reason: string };

const FLAGS: FlagTable = {
  ...{ n: "int", c: "int", q: "number", z: "duration", o: "text", m: "text", H: "text", t: "int", A: "text" },
  ...{ d: "text", D: "text", T: "text", U: "text", a: "text", x: "text", h2: "bool", host: "text", cpus: "int" },
  ...{ "disable-compression": "bool", "disable-keepalive": "bool", "disable-redirects": "bool", more: "bool" },
};

const USER_AGENT = "hey/0.0.1";
const SECOND_MS = 1000;
const METHODS = new Set(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]);

/** Thrown inside this file only. */
class Refusal extends Error {}

export function readHeyArguments(args: readonly string[]): HeyArguments {
  const read = readGoFlags(args, FLAGS);
  if (read.kind === "help") return { kind: "refused", reason: "usage: hey [options...] <url>" };
  if (read.kind === "wrong") return { kind: "refused", reason: `hey: ${read.message}` };
  try {
    return { kind: "options", options: optionsFrom(read.flags) };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "refused", reason: `hey: ${error.message}` };
    throw error;
  }
}

function optionsFrom(flags: GivenFlags): HeyOptions {
  const number = (name: string, preset: number) => Number(lastOf(flags, name) ?? preset);
  const isSet = (name: string) => lastOf(flags, name) === "true";
  const requests = number("n", 200);
  const workers = number("c", 50);
  const durationOfRun = durationOf(flags, "z", 0);
  checkAmounts(requests, workers, durationOfRun);
  const output = lastOf(flags, "o") ?? "";
  if (output !== "" && output !== "csv") throw new Refusal(`-o ${output} is not supported, only "csv" is`);
  const method = (lastOf(flags, "m") ?? "GET").toUpperCase();
  if (!METHODS.has(method)) throw new Refusal(`-m ${method} is not supported`);
  return {
    url: urlFrom(flags.rest[0]),
    method,
    headers: headersFrom(flags),
    body: bodyFrom(flags),
    requests,
    workers,
    ratePerWorker: Math.max(0, number("q", 0)),
    durationMs: Math.max(0, durationOfRun),
    timeoutMs: Math.max(0, number("t", 20)) * SECOND_MS,
    output: output === "csv" ? "csv" : "summary",
    proxy: lastOf(flags, "x"),
    http2: isSet("h2"),
    keepAlive: !isSet("disable-keepalive"),
    redirects: !isSet("disable-redirects"),
  };
}

function checkAmounts(requests: number, workers: number, durationOfRun: number): void {
  if (durationOfRun > 0) {
    if (workers <= 0) throw new Refusal("-c cannot be smaller than 1.");
    return;
  }
  if (requests <= 0 || workers <= 0) throw new Refusal("-n and -c cannot be smaller than 1.");
  if (requests < workers) throw new Refusal("-n cannot be less than -c.");
}

function urlFrom(text: string | undefined): URL {
  if (text === undefined) throw new Refusal("no URL given; usage: hey [options...] <url>");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new Refusal(`"${text}" is not an http:// or https:// URL`);
  }
  return url;
}

/** In the order in which hey sets them: a later one replaces an earlier one of the same name. */
function headersFrom(flags: GivenFlags): Record<string, string> {
  const headers = new Map<string, string>();
  const set = (name: string, value: string) => void headers.set(name.toLowerCase(), value);
  set("Content-Type", lastOf(flags, "T") ?? "text/html");
  for (const given of flags.values.get("H") ?? []) {
    const [, name, value] = /^([\w-]+):\s*(.+)/.exec(given) ?? [];
    if (name === undefined || value === undefined) {
      throw new Refusal(`could not parse the provided input; input = ${given}`);
    }
    set(name, value);
  }
  const accept = lastOf(flags, "A") ?? "";
  if (accept !== "") set("Accept", accept);
  const credentials = lastOf(flags, "a") ?? "";
  if (credentials !== "") {
    if (!/^(.+):([^\s].+)/.test(credentials)) {
      throw new Refusal("could not parse -a: it must be username:password");
    }
    set("Authorization", `Basic ${Buffer.from(credentials).toString("base64")}`);
  }
  const host = lastOf(flags, "host") ?? "";
  if (host !== "") set("Host", host);
  else headers.delete("host"); // Go takes the Host from the request alone, never from the headers.
  const agent = lastOf(flags, "U") ?? headers.get("user-agent");
  set("User-Agent", agent === undefined ? USER_AGENT : `${agent} ${USER_AGENT}`);
  if (lastOf(flags, "disable-compression") !== "true" && !headers.has("accept-encoding")) {
    set("Accept-Encoding", "gzip");
  }
  return Object.fromEntries(headers);
}

function bodyFrom(flags: GivenFlags): Buffer | undefined {
  const path = lastOf(flags, "D") ?? "";
  if (path !== "") {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new Refusal(`-D: ${errorText(error)}`);
    }
  }
  const text = lastOf(flags, "d") ?? "";
  return text === "" ? undefined : Buffer.from(text);
}
