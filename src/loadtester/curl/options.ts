/** curl's command line: one URL and the flags that smoke tests use. Anything else is refused by name. */
import { readFileSync } from "node:fs";

export interface CurlOptions {
  url: string | undefined;
  method: string | undefined;
  readonly headers: [string, string][];
  data: string | undefined;
  output: string | undefined;
  /** 0: none. */
  timeoutMs: number;
  silent: boolean;
  showErrors: boolean;
  fail: boolean;
  insecure: boolean;
  follow: boolean;
  head: boolean;
  include: boolean;
}

type Switch = "silent" | "showErrors" | "fail" | "insecure" | "follow" | "head" | "include";

const SWITCHES: Readonly<Record<string, Switch>> = {
  ...{ "--silent": "silent", "--no-progress-meter": "silent", "--show-error": "showErrors", "--fail": "fail" },
  ...{ "--insecure": "insecure", "--location": "follow", "--head": "head", "--include": "include" },
};

const WITH_VALUE: Readonly<Record<string, (options: CurlOptions, value: string) => void>> = {
  "--request": (options, value) => {
    options.method = value;
  },
  "--header": addHeader,
  "--data": (options, value) => addData(options, value.startsWith("@") ? fileWithoutNewlines(value.slice(1)) : value),
  "--data-raw": addData,
  "--data-binary": (options, value) =>
    addData(options, value.startsWith("@") ? readFileSync(value.slice(1), "utf8") : value),
  "--output": (options, value) => {
    options.output = value;
  },
  "--max-time": (options, value) => {
    options.timeoutMs = secondsToMs(value);
  },
  // The service's dispatcher makes the connections and has a time limit of its own.
  "--connect-timeout": (_options, value) => {
    secondsToMs(value);
  },
  "--user": (options, value) => {
    options.headers.push(["authorization", `Basic ${Buffer.from(value).toString("base64")}`]);
  },
  "--user-agent": (options, value) => {
    options.headers.push(["user-agent", value]);
  },
  "--url": setUrl,
};

const SHORT: Readonly<Record<string, string>> = {
  ...{ s: "--silent", S: "--show-error", f: "--fail", k: "--insecure", L: "--location", I: "--head", i: "--include" },
  ...{ X: "--request", H: "--header", d: "--data", o: "--output", m: "--max-time", u: "--user", A: "--user-agent" },
};

/** What is wrong with the command line, in words for its author. */
export class Refusal extends Error {}

/** @throws Refusal, or the file system's error for `-d @file` */
export function readCurlArguments(args: readonly string[]): CurlOptions {
  const options: CurlOptions = {
    ...{ url: undefined, method: undefined, headers: [], data: undefined, output: undefined, timeoutMs: 0 },
    ...{ silent: false, showErrors: false, fail: false, insecure: false, follow: false, head: false, include: false },
  };
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg.startsWith("--")) readLong(options, arg, queue);
    else if (arg.length > 1 && arg.startsWith("-")) readShort(options, arg.slice(1), queue);
    else setUrl(options, arg);
  }
  return options;
}

function readLong(options: CurlOptions, arg: string, queue: string[]): void {
  const known = SWITCHES[arg];
  if (known !== undefined) options[known] = true;
  else take(options, arg, arg, queue.shift());
}

/** `-sSf` is three switches; `-sd x` and `-sdx` end in a flag with its value. */
function readShort(options: CurlOptions, letters: string, queue: string[]): void {
  for (let i = 0; i < letters.length; i += 1) {
    const letter = letters.charAt(i);
    const long = SHORT[letter] ?? "";
    const known = SWITCHES[long];
    if (known !== undefined) {
      options[known] = true;
      continue;
    }
    const attached = letters.slice(i + 1);
    take(options, long, `-${letter}`, attached === "" ? queue.shift() : attached);
    return;
  }
}

function take(options: CurlOptions, long: string, given: string, value: string | undefined): void {
  const known = WITH_VALUE[long];
  if (known === undefined) throw new Refusal(`option ${given} is not supported here`);
  if (value === undefined) throw new Refusal(`option ${given}: requires parameter`);
  known(options, value);
}

function setUrl(options: CurlOptions, value: string): void {
  if (options.url !== undefined) throw new Refusal("more than one URL is not supported here");
  options.url = value;
}

function addHeader(options: CurlOptions, value: string): void {
  const colon = value.indexOf(":");
  if (colon < 1) throw new Refusal(`header "${value}" has no colon`);
  options.headers.push([value.slice(0, colon).toLowerCase(), value.slice(colon + 1).trim()]);
}

function addData(options: CurlOptions, value: string): void {
  options.data = options.data === undefined ? value : `${options.data}&${value}`;
}

function fileWithoutNewlines(path: string): string {
  return readFileSync(path, "utf8").replaceAll(/[\r\n]/g, "");
}

function secondsToMs(value: string): number {
  const seconds = Number(value);
  if (value === "" || !Number.isFinite(seconds) || seconds < 0)
    throw new Refusal(`"${value}" is not a number of seconds`);
  return seconds * 1000;
}

export function urlOf(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined) throw new Refusal(`"${text}" is not a URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new Refusal(`protocol ${url.protocol.slice(0, -1)} is not supported here`);
  }
  return url;
}
