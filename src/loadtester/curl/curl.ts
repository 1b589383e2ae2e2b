/** curl in its simplest forms, on this process's own HTTP client. */
import { writeFile } from "node:fs/promises";
import { Agent, type Dispatcher, request } from "undici";
import { deadline, TimeIsUp } from "../../async/deadline.ts";
import { errorText } from "../../error-text.ts";
import { type Program, type ProgramContext, type ProgramResult, refused } from "../program.ts";
import { type CurlOptions, readCurlArguments, urlOf } from "./options.ts";

const MAX_REDIRECTS = 50;
/** A smoke test reads a page, not a disk image. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** curl's exit codes, because users look them up. */
const EXIT = {
  ok: 0,
  badUrl: 3,
  unknownHost: 6,
  noConnection: 7,
  httpError: 22,
  write: 23,
  timeout: 28,
  redirects: 47,
};
const EXIT_RECEIVE = 56;
const EXIT_TLS = 60;

export const curl: Program = (args) => {
  try {
    const options = readCurlArguments(args);
    if (options.url === undefined) return refused("curl: no URL given");
    const url = urlOf(options.url);
    return { kind: "ready", run: (context) => runCurl(options, url, context) };
  } catch (error) {
    return refused(`curl: ${errorText(error)}`);
  }
};

function headersOf(options: CurlOptions, url: URL): Record<string, string> {
  const headers: Record<string, string> = { "user-agent": "curl/8", accept: "*/*" };
  if (options.data !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
  if (url.username !== "") {
    const userinfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(userinfo).toString("base64")}`;
  }
  for (const [name, value] of options.headers) {
    if (value === "") delete headers[name];
    else headers[name] = value;
  }
  return headers;
}

interface Fetched {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

class CurlFailure extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

async function runCurl(options: CurlOptions, url: URL, context: ProgramContext): Promise<ProgramResult> {
  const insecure = options.insecure ? new Agent({ connect: { rejectUnauthorized: false } }) : undefined;
  // The service's own dispatcher resolves names; only accepting an untrusted certificate needs another one.
  const dispatcher = url.protocol === "https:" && insecure !== undefined ? insecure : context.dispatcher;
  const limit = options.timeoutMs > 0 ? deadline(context.clock, options.timeoutMs, context.signal) : undefined;
  const signal = limit?.signal ?? context.signal;
  try {
    const fetched = await follow(options, url, dispatcher, signal);
    if (options.fail && fetched.status >= 400) {
      throw new CurlFailure(EXIT.httpError, `The requested URL returned error: ${fetched.status}`);
    }
    const head = options.include || options.head ? fetched.head : "";
    const stdout = Buffer.concat([Buffer.from(head), fetched.body]);
    if (options.output === undefined) return { exitCode: EXIT.ok, stdout, stderr: "" };
    if (options.output !== "/dev/null") await writeOutput(options.output, stdout);
    return { exitCode: EXIT.ok, stdout: Buffer.alloc(0), stderr: "" };
  } catch (error) {
    const failure = failureOf(error, url, limit?.signal.reason instanceof TimeIsUp, options.timeoutMs);
    const stderr = options.silent && !options.showErrors ? "" : `curl: (${failure.exitCode}) ${failure.message}\n`;
    return { exitCode: failure.exitCode, stdout: Buffer.alloc(0), stderr };
  } finally {
    limit?.clear();
    await insecure?.destroy();
  }
}

async function follow(options: CurlOptions, start: URL, dispatcher: Dispatcher, signal: AbortSignal): Promise<Fetched> {
  let url = start;
  let method = options.method ?? (options.head ? "HEAD" : options.data === undefined ? "GET" : "POST");
  let data = options.data;
  const headers = headersOf(options, start);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await request(url, { dispatcher, method, headers, body: data ?? null, signal });
    const location = response.headers.location;
    const body = await bodyOf(response.body);
    if (!options.follow || !REDIRECTS.has(response.statusCode) || typeof location !== "string") {
      return { status: response.statusCode, head: headText(response.statusCode, response.headers), body };
    }
    const next = new URL(location, url);
    if (next.origin !== url.origin) delete headers.authorization;
    if (response.statusCode < 307 && method !== "HEAD" && options.method === undefined) {
      method = "GET";
      data = undefined;
      delete headers["content-type"];
    }
    url = next;
  }
  throw new CurlFailure(EXIT.redirects, `Maximum (${MAX_REDIRECTS}) redirects followed`);
}

async function bodyOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new CurlFailure(EXIT_RECEIVE, `the response is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function headText(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  );
  return [`HTTP/1.1 ${status}`, ...lines, "", ""].join("\r\n");
}

async function writeOutput(path: string, content: Buffer): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw new CurlFailure(EXIT.write, errorText(error));
  }
}

function failureOf(error: unknown, url: URL, timedOut: boolean, timeoutMs: number): CurlFailure {
  if (error instanceof CurlFailure) return error;
  if (timedOut) return new CurlFailure(EXIT.timeout, `Operation timed out after ${timeoutMs} milliseconds`);
  const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const message = errorText(cause);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (code === "ENOTFOUND") return new CurlFailure(EXIT.unknownHost, `Could not resolve host: ${url.hostname}`);
  if (code === "ECONNREFUSED") {
    return new CurlFailure(EXIT.noConnection, `Failed to connect to ${url.hostname} port ${port}: Connection refused`);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) return new CurlFailure(EXIT_TLS, `SSL certificate problem: ${message}`);
  return new CurlFailure(EXIT_RECEIVE, message);
}
