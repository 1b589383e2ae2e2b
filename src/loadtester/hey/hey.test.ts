import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../time/system-clock.ts";
import type { LoadLimits, ProgramResult } from "../program.ts";
import { readCommandLine } from "../words.ts";
import { hey, plainDispatcher } from "./hey.ts";
import { readHeyArguments } from "./options.ts";
import { nextTick, paceOf } from "./pace.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly port: number;
}

let server: Server;
let base: string;
let seen: Seen[];
const dispatcher = plainDispatcher();

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const url = request.url ?? "";
      seen.push({
        method: request.method ?? "",
        url,
        headers: request.headers,
        body,
        port: request.socket.remotePort ?? 0,
      });
      if (url === "/hang") return;
      if (url === "/moved") response.writeHead(302, { location: "/" });
      else if (url === "/some" && seen.length % 4 === 0) response.writeHead(500);
      response.end("hello");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function run(line: string, signal = new AbortController().signal): Promise<string> {
  const result = await start(line, signal, { workers: 20, requestsPerSecond: 5000 });
  expect(result).toMatchObject({ exitCode: 0, stderr: "" });
  return result.stdout.toString();
}

function start(line: string, signal: AbortSignal, limits: LoadLimits): Promise<ProgramResult> {
  const read = readCommandLine(line);
  if (read.kind !== "pipeline") throw new Error(read.because);
  const understood = hey(read.commands[0]?.slice(1) ?? []);
  if (understood.kind === "refused") throw new Error(understood.reason);
  const context = { dispatcher, clock: systemClock, monotonicMs: () => performance.now(), limits, signal };
  return understood.run({ ...context, stdin: Buffer.alloc(0) });
}

/** The text with equal numbers and bars. */
function skeleton(text: string): string {
  return text.replaceAll(/\d+/g, "0").replaceAll(/■+/g, "");
}

describe("hey", () => {
  it("prints the summary that hey prints", async () => {
    const text = await run(`hey -n 200 -c 2 ${base}/`);
    const bucket = "  0.0 [0]\t|";
    const times = (title: string) => `  ${title}:\t0.0 secs, 0.0 secs, 0.0 secs`;
    expect(skeleton(text).split("\n")).toEqual([
      "",
      "Summary:",
      "  Total:\t0.0 secs",
      "  Slowest:\t0.0 secs",
      "  Fastest:\t0.0 secs",
      "  Average:\t0.0 secs",
      "  Requests/sec:\t0.0",
      "  ",
      "  Total data:\t0 bytes",
      "  Size/request:\t0 bytes",
      "",
      "Response time histogram:",
      ...Array.from({ length: 11 }, () => bucket),
      "",
      "",
      "Latency distribution:",
      ...Array.from({ length: 7 }, () => "  0% in 0.0 secs"),
      "",
      "Details (average, fastest, slowest):",
      ...["DNS+dialup", "DNS-lookup", "req write", "resp wait", "resp read"].map(times),
      "",
      "Status code distribution:",
      "  [0]\t0 responses",
      "",
      "",
      "",
      "",
    ]);
    expect(text).toContain("  Total data:\t1000 bytes\n  Size/request:\t5 bytes\n");
    expect(text).toContain("  [200]\t200 responses\n");
    const counts = [...text.matchAll(/\[(\d+)\]\t\|/g)].map((match) => Number(match[1]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200);
  });

  it("counts statuses and errors separately, and reuses connections", async () => {
    const text = await run(`hey -n 41 -c 4 ${base}/some`);
    expect(seen).toHaveLength(40); // 41 do not divide by 4 workers: hey leaves the rest out.
    expect(text).toContain("  [200]\t30 responses\n  [500]\t10 responses\n");
    // A worker may begin its next request before undici has freed the connection: at most two connections each.
    expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(8);
    const refused = await run("hey -n 3 -c 1 http://127.0.0.1:1/x");
    expect(refused).toContain(
      'Error distribution:\n  [3]\tGet "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused\n',
    );
  });

  it("sends requests as the flags say", async () => {
    await run(
      `hey -n 1 -c 1 -m put -d '{"a": 1}' -T application/json -A 'text/x' -a me:secret -H 'X-Test: a b' -host shop.test ` +
        `-U probe -disable-keepalive -cpus 2 ${base}/path?q=1`,
    );
    expect(seen[0]).toMatchObject({ method: "PUT", url: "/path?q=1", body: '{"a": 1}' });
    expect(seen[0]?.headers).toMatchObject({
      "content-type": "application/json",
      accept: "text/x",
      authorization: `Basic ${Buffer.from("me:secret").toString("base64")}`,
      "x-test": "a b",
      host: "shop.test",
      "user-agent": "probe hey/0.0.1",
      connection: "close",
    });
  });

  it("follows redirects unless a flag forbids it", async () => {
    expect(await run(`hey -n 1 -c 1 ${base}/moved`)).toContain("[200]\t1 responses");
    expect(await run(`hey -n 1 -c 1 -disable-redirects ${base}/moved`)).toContain("[302]\t1 responses");
  });

  it("ends with -z, with -t, and at once when it is cancelled", async () => {
    const text = await run(`hey -z 300ms -q 20 -c 2 ${base}/`);
    expect(text).toContain(`[200]\t${seen.length} responses`);
    // 2 workers, 20 per second each, 0.3 s: at most 12, however slow the machine.
    expect(seen.length).toBeLessThanOrEqual(12);
    const cut = new AbortController();
    const hanging = run(`hey -z 1h -c 2 ${base}/hang`, cut.signal);
    server.once("request", () => cut.abort());
    expect(await hanging).toContain("Status code distribution:\n\n");
    expect(await run(`hey -n 1 -c 1 -t 1 ${base}/hang`)).toContain("context deadline exceeded");
  });

  it("keeps to the limits of the service, and reports that", async () => {
    const notAborted = new AbortController().signal;
    const limits = { workers: 2, requestsPerSecond: 40 };
    const note = "hey: this load generator is limited to 2 workers and 40 requests per second\n";
    const many = await start(`hey -n 20 -c 20 -q 1000 ${base}/`, notAborted, limits);
    expect(many.stderr).toBe(note);
    expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(4);
    // 40 per second: the 20th request is due after half a second, however fast the machine.
    const seconds = Number(/Total:\t([\d.]+)/.exec(many.stdout.toString())?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(0.49);
    expect((await start(`hey -n 4 -c 2 -q 20 ${base}/`, notAborted, limits)).stderr).toBe("");
  });

  it("writes one CSV line per request", async () => {
    const lines = (await run(`hey -n 4 -c 2 -o csv ${base}/`)).trim().split("\n");
    expect(lines[0]).toBe("response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset");
    expect(lines.slice(1).map(skeleton)).toEqual(Array.from({ length: 4 }, () => "0.0,0.0,0.0,0.0,0.0,0.0,0,0.0"));
  });

  it.each([
    ["-n 1 -c 2 http://x", "hey: -n cannot be less than -c."],
    ["-c 0 -z 1s http://x", "hey: -c cannot be smaller than 1."],
    ["-n 0 http://x", "hey: -n and -c cannot be smaller than 1."],
    ["-k http://x", "hey: flag provided but not defined: -k"],
    ["-z 1x http://x", 'hey: invalid value "1x" for flag -z: parse error'],
    ["-H nonsense http://x", "hey: could not parse the provided input; input = nonsense"],
    ["-z 1m", "hey: no URL given; usage: hey [options...] <url>"],
    ["podinfo.test", 'hey: "podinfo.test" is not an http:// or https:// URL'],
    ["-o json http://x", 'hey: -o json is not supported, only "csv" is'],
    ["-D /nonexistent http://x", "hey: -D: ENOENT: no such file or directory, open '/nonexistent'"],
  ])("refuses %s", (line, reason) => {
    expect(readHeyArguments(line.split(" "))).toEqual({ kind: "refused", reason });
  });

  it("has hey's defaults", () => {
    expect(readHeyArguments(["http://x/"])).toMatchObject({
      options: { requests: 200, workers: 50, ratePerWorker: 0, timeoutMs: 20_000, method: "GET", durationMs: 0 },
    });
  });
});

describe("the pace", () => {
  it("spreads the workers over one period", () => {
    const ticks = [0, 1, 2, 3].flatMap((worker) => {
      const pace = paceOf(worker, 4, 10);
      return [0, 1].map((k) => nextTick(pace, k - 1, 0).atMs);
    });
    expect(ticks.sort((a, b) => a - b)).toEqual([25, 50, 75, 100, 125, 150, 175, 200]);
  });

  it("does not drift, and skips missed ticks", () => {
    const pace = paceOf(0, 1, 100);
    expect(nextTick(pace, 4, 57.3)).toEqual({ tick: 5, atMs: 60 });
    expect(nextTick(pace, 4, 63)).toEqual({ tick: 5, atMs: 60 });
    expect(nextTick(pace, 4, 999)).toEqual({ tick: 98, atMs: 990 });
  });
});
