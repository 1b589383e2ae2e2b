/** The built-in curl and grep, compared with the real programs where this machine has them. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getGlobalDispatcher } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { understand } from "./pipeline.ts";
import { readCommandLine } from "./words.ts";

let server: Server;
let base: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "loadtester-"));
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const { method, url } = request;
      if (url === "/hang") return;
      if (url === "/letters") return void response.end(`${"a".repeat(40)}!\n`);
      if (url === "/moved") response.writeHead(302, { location: "/echo" });
      else if (url === "/kept") response.writeHead(307, { location: "/echo" });
      else if (url === "/loop") response.writeHead(301, { location: "/loop" });
      else if (url === "/broken") response.writeHead(503);
      const { "content-type": type, authorization, "x-test": test, "user-agent": agent } = request.headers;
      const name = agent?.startsWith("curl") ? "curl" : agent;
      response.end(`${[method, url, type, authorization, test, name, body].join("\n")}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
}

async function builtIn(line: string): Promise<Ran & { readonly stderr: string }> {
  const read = readCommandLine(line);
  const understood = read.kind === "pipeline" ? understand(read.commands) : undefined;
  if (understood?.kind !== "ready") throw new Error(JSON.stringify(understood ?? read));
  const { exitCode, stdout, stderr } = await understood.run({
    dispatcher: getGlobalDispatcher(),
    clock: systemClock,
    monotonicMs: () => performance.now(),
    limits: { workers: 1, requestsPerSecond: 1 },
    signal: new AbortController().signal,
    stdin: Buffer.alloc(0),
  });
  return { exitCode, stdout: stdout.toString(), stderr };
}

/** undefined: this machine has no curl. */
function real(line: string): Promise<Ran | undefined> {
  return new Promise((resolve) => {
    const child = spawn("sh", ["-c", `command -v curl >/dev/null || exit 127; ${line}`]);
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.once("close", (exitCode) => resolve(exitCode === 127 ? undefined : { exitCode, stdout }));
  });
}

describe("curl", () => {
  it.each([
    ["curl -s BASE/echo", 0],
    ["curl -sS -X PUT -H 'X-Test: a b' -H 'Content-Type: text/x' --data-raw '{\"a\": 1}' BASE/echo", 0],
    ["curl -sd 'test' BASE/token", 0],
    ["curl -sd a=1 --data b=2 BASE/token", 0],
    ["curl -s -u me:secret -A probe BASE/echo", 0],
    ["curl -s -X DELETE BASE/echo", 0],
    ["curl -s BASE/moved", 0],
    ["curl -sL BASE/moved", 0],
    ["curl -sLd x BASE/moved", 0],
    ["curl -sLd x BASE/kept", 0],
    ["curl -sf BASE/broken", 22],
    ["curl -s BASE/broken", 0],
    ["curl -sL BASE/loop", 47],
    ["curl -s http://127.0.0.1:1/", 7],
    ["curl -s -m 0.1 BASE/hang", 28],
    ["curl -so /dev/null BASE/echo", 0],
    ["curl -sd 'test' BASE/token | grep token", 0],
    ["curl -s BASE/echo | grep -q nothing", 1],
    ["curl -s BASE/echo | grep -c '^[GP]ET$'", 0],
    ["curl -s BASE/echo | grep -iE 'get|put'", 0],
    ["curl -s BASE/echo | grep -v -F /", 0],
    ["curl -s BASE/echo | grep -w 'G\\(E\\|X\\)T'", 0],
  ])("behaves like the real one: %s", async (template, exitCode) => {
    const line = template.replaceAll("BASE", base);
    const own = await builtIn(line);
    expect(own.exitCode).toBe(exitCode);
    const truth = await real(line);
    // At the redirect limit the real curl also prints the last page, which no caller reads.
    if (truth !== undefined && exitCode !== 47) expect({ exitCode, stdout: own.stdout }).toEqual(truth);
  });

  it("reports errors unless it is silent", async () => {
    expect((await builtIn(`curl -f ${base}/broken`)).stderr).toBe("curl: (22) The requested URL returned error: 503\n");
    expect((await builtIn("curl -sS http://127.0.0.1:1/")).stderr).toBe(
      "curl: (7) Failed to connect to 127.0.0.1 port 1: Connection refused\n",
    );
    expect((await builtIn(`curl -sf ${base}/broken`)).stderr).toBe("");
  });

  it("gives up a pattern that takes endless time", async () => {
    const asked = await builtIn(`curl -s ${base}/letters | grep -E '^(a+)+$'`);
    expect(asked).toMatchObject({ exitCode: 2, stderr: "grep: the pattern takes more than 1 s\n" });
  });

  it("writes the answer to a file", async () => {
    const file = join(folder, "out");
    expect(await builtIn(`curl -s ${base}/echo -o ${file}`)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(readFileSync(file, "utf8")).toContain("/echo");
    expect(await builtIn(`curl -s ${base}/echo -o /nonexistent/out`)).toMatchObject({ exitCode: 23 });
  });

  it.each([
    ["curl", "curl: no URL given"],
    ["curl http://a http://b", "curl: more than one URL is not supported here"],
    ["curl --parallel http://a", "curl: option --parallel is not supported here"],
    ["curl -sT file http://a", "curl: option -T is not supported here"],
    ["curl http://a -H", "curl: option -H: requires parameter"],
    ["curl ftp://a", "curl: protocol ftp is not supported here"],
    ["curl http://a | grep -r x", "grep: option -r is not supported here"],
    ["curl http://a | grep x file", "grep: files (file) are not supported here"],
    ["curl http://a | wc", "wc is not built in"],
  ])("is refused when it is not simple: %s", (line, reason) => {
    const read = readCommandLine(line);
    expect(read.kind === "pipeline" && understand(read.commands)).toEqual({ kind: "refused", reason });
  });
});
