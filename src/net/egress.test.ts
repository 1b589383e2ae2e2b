/**
 * Where the operator's requests may go: all forms of an address, names whose address changes, redirects, proxies. Over
 * real sockets.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEgress, EgressRefused, type EgressRules } from "./egress.ts";
import { guardedLookup } from "./name-lookup.ts";
import { exchange, OutboundFailure } from "./outbound.ts";

const NOT_ABORTED = new AbortController().signal;
const egress = (rules: Partial<EgressRules> = {}) =>
  createEgress({ allowLocal: false, denyCidrs: [], apiServers: [], trusted: [], ...rules });

describe("an address", () => {
  it.each<[address: string, why: RegExp]>([
    ["169.254.169.254", /metadata/],
    ["[::ffff:169.254.169.254]", /metadata/],
    ["[::ffff:a9fe:a9fe]", /metadata/],
    ["[::a9fe:a9fe]", /metadata/],
    ["[64:ff9b::a9fe:a9fe]", /metadata/],
    ["[2002:a9fe:a9fe::]", /metadata/],
    ["[::ffff:0:169.254.169.254]", /metadata/],
    ["[fe80::1]", /metadata/],
    ["fe80::1%eth0", /metadata/],
    ["[fd00:ec2::254]", /metadata/],
    ["168.63.129.16", /metadata/],
    ["100.100.100.200", /metadata/],
    ["127.0.0.1", /own machine/],
    ["127.9.8.7", /own machine/],
    ["0.0.0.0", /own machine/],
    ["[::1]", /own machine/],
    ["[::]", /own machine/],
    ["[::ffff:127.0.0.1]", /own machine/],
    ["10.96.0.1", /API server/],
    ["[::ffff:10.96.0.1]", /API server/],
    ["kube.example", /API server/],
    ["KUBE.example.", /API server/],
    ["10.1.2.3", /-egress-deny-cidrs/],
    ["[fd12::1]", /-egress-deny-cidrs/],
  ])("%s is refused", (address, why) => {
    const rules = { apiServers: ["10.96.0.1", "kube.example"], denyCidrs: ["10.1.0.0/16", "fd12::/16"] };
    expect(egress(rules).refusal(address)).toMatch(why);
  });

  it.each(["10.0.0.1", "192.168.1.1", "8.8.8.8", "prometheus.istio-system", "[2606:4700::1111]", "[fd00::1]"])(
    "%s is not",
    (address) => expect(egress().refusal(address)).toBeUndefined(),
  );

  it("of the own machine or the API server is allowed by -allow-local-egress; a cloud's metadata service never is", () => {
    const local = egress({ allowLocal: true, apiServers: ["10.96.0.1"] });
    expect(["127.0.0.1", "[::1]", "10.96.0.1"].map((address) => local.refusal(address))).toEqual(
      Array(3).fill(undefined),
    );
    expect(local.refusal("169.254.169.254")).toMatch(/metadata/);
  });

  it.each(["10.0.0.0/33", "10.0.0.0/", "ten", "::/129", "10.0.0.0/x", ""])(
    "network %j is refused as a value of the flag",
    (network) => {
      expect(() => egress({ denyCidrs: [network] })).toThrow(/is no network: expected/);
    },
  );
});

describe("a request", () => {
  let trap: Server;
  let seen: IncomingMessage[];
  let port: number;
  let answer: (request: IncomingMessage) => { status?: number; location?: string };
  const dispatchers: { destroy(): Promise<void> }[] = [];

  beforeEach(async () => {
    seen = [];
    answer = () => ({});
    trap = createServer((incoming, response) => {
      seen.push(incoming);
      const { status = 200, location } = answer(incoming);
      response.writeHead(status, location === undefined ? {} : { location }).end("SECRET");
    });
    await new Promise<void>((resolve) => trap.listen(0, "0.0.0.0", resolve));
    port = (trap.address() as AddressInfo).port;
  });

  afterEach(async () => {
    for (const each of dispatchers.splice(0)) await each.destroy();
    trap.closeAllConnections();
    await new Promise((resolve) => trap.close(resolve));
  });

  function guarded(rules: Partial<EgressRules> = {}, env: Record<string, string> = {}, proxy?: string) {
    const dispatcher = createDispatcher({ env, egress: egress(rules), ...(proxy === undefined ? {} : { proxy }) });
    dispatchers.push(dispatcher);
    return dispatcher;
  }

  it.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0.0.0.0",
    "localhost",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "127.0.0.1.",
  ])("to http://%s is refused", async (host) => {
    await expect(request(`http://${host}:${port}/`, { dispatcher: guarded() })).rejects.toThrow(EgressRefused);
    await expect(request(`https://${host}:${port}/`, { dispatcher: guarded() })).rejects.toThrow(EgressRefused);
    expect(seen).toEqual([]);
  });

  it("through the environment's proxy is refused, too, when it names a forbidden address", async () => {
    const dispatcher = guarded({}, { HTTP_PROXY: `http://127.0.0.1:${port}` });
    await expect(request("http://169.254.169.254/latest", { dispatcher })).rejects.toThrow(EgressRefused);
    expect(seen).toEqual([]);
    await request("http://chat.example/", { dispatcher });
    expect(seen.map(({ url }) => url)).toEqual(["http://chat.example/"]);
  });

  it("through a tenant's proxy is allowed only where the rules allow it", async () => {
    expect(() => guarded({}, {}, `http://127.0.0.1:${port}`)).toThrow(EgressRefused);
    const named = guarded({}, {}, `http://localhost:${port}`);
    await expect(request("http://chat.example/", { dispatcher: named })).rejects.toThrow("refused");
    expect(seen).toEqual([]);
    await request("http://chat.example/", {
      dispatcher: guarded({ allowLocal: true }, {}, `http://127.0.0.1:${port}`),
    });
    expect(seen).toHaveLength(1);
  });

  it("is allowed to hosts and ports that the operator's own flags name", async () => {
    const dispatcher = guarded({ trusted: [`http://localhost:${port}/prometheus`, ""] });
    const { body } = await request(`http://localhost:${port}/`, { dispatcher });
    expect(await body.text()).toBe("SECRET");
    await expect(request(`http://localhost:${port + 1}/`, { dispatcher })).rejects.toThrow(EgressRefused);
  });

  it("to a name is checked by its resolved address, at every connection", async () => {
    const addresses = ["203.0.113.7", "127.0.0.1"];
    const rebinding: LookupFunction = (_name, _options, callback) => {
      callback(null, [{ address: addresses.shift() ?? "127.0.0.1", family: 4 }]);
    };
    const lookup = guardedLookup(rebinding, egress());
    const look = () =>
      new Promise((resolve) => lookup("rebind.example", { all: true }, (error, found) => resolve(error ?? found)));
    expect(await look()).toEqual([{ address: "203.0.113.7", family: 4 }]);
    expect(String(await look())).toContain("rebind.example: connections to 127.0.0.1 are refused");
  });

  const ask = (path: string, redirects: "own" | "any", headers = {}, dispatcher = guarded({ allowLocal: true })) =>
    exchange(
      {
        url: new URL(`http://127.0.0.1:${port}${path}`),
        method: "GET",
        headers,
        timeoutMs: 5000,
        longestBody: 1000,
        whenLonger: "cut",
        redirects,
      },
      { clock: systemClock, dispatcher, signal: NOT_ABORTED },
    );

  it.each([301, 302, 303, 307, 308])(
    "follows a redirect with %d within its origin only, when it must",
    async (status) => {
      answer = ({ url }) => (url === "/" ? { status, location: "/there" } : {});
      expect((await ask("/", "own")).body).toBe("SECRET");
      answer = ({ url }) => (url === "/" ? { status, location: `http://127.0.0.2:${port}/meta` } : {});
      seen = [];
      const failure = await ask("/", "own").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OutboundFailure);
      expect(String(failure)).toContain(
        `it redirects to another origin, http://127.0.0.2:${port}, which is not followed`,
      );
      expect(seen).toHaveLength(1);
    },
  );

  it.each([301, 302, 303, 307, 308])("sends no secret to another origin after a redirect with %d", async (status) => {
    const secrets = {
      Authorization: "Bearer S3CR3T",
      Cookie: "S3CR3T",
      "DD-API-KEY": "S3CR3T",
      "X-Query-Key": "S3CR3T",
      "X-SF-Token": "S3CR3T",
      "X-Api-Key": ["S3CR3T"],
      Accept: "text/csv",
    };
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.1"];
    answer = () => {
      const next = hosts[seen.length];
      return next === undefined ? {} : { status, location: `http://${next}:${port}/${seen.length}` };
    };
    const { foreign } = await ask("/", "any", secrets);
    expect(foreign).toBe(true);
    const heads = seen.map(({ rawHeaders }) => rawHeaders.join(" "));
    expect(heads.map((head) => head.includes("S3CR3T"))).toEqual([true, false, false]);
    expect(heads.at(-1)).toContain("text/csv");
  });

  it("that is redirected is checked by the rules again", async () => {
    answer = () => ({ status: 302, location: `http://localhost:${port + 1}/` });
    const dispatcher = guarded({ trusted: [`http://127.0.0.1:${port}`] });
    await expect(ask("/", "any", {}, dispatcher)).rejects.toMatchObject({ kind: "refused" });
    expect(seen).toHaveLength(1);
  });

  it("has a body of bounded length and a time limit by the clock it is given", async () => {
    expect((await ask("/", "own")).body).toBe("SECRET");
    const short = {
      url: new URL(`http://127.0.0.1:${port}/`),
      method: "GET",
      redirects: "own",
      longestBody: 3,
    } as const;
    const ports = { clock: systemClock, dispatcher: guarded({ allowLocal: true }), signal: NOT_ABORTED };
    expect((await exchange({ ...short, whenLonger: "cut", timeoutMs: 5000 }, ports)).body).toBe("SEC");
    const longer = exchange({ ...short, whenLonger: "fail", timeoutMs: 5000 }, ports);
    await expect(longer).rejects.toMatchObject({ kind: "too-long", message: "the answer is longer than 3 bytes" });
    const limits: number[] = [];
    const after = (ms: number, run: () => void) => {
      limits.push(ms);
      queueMicrotask(run);
      return () => undefined;
    };
    const late = exchange(
      { ...short, whenLonger: "cut", timeoutMs: 3_600_000 },
      { ...ports, clock: { ...systemClock, after } },
    );
    await expect(late).rejects.toMatchObject({ kind: "time" });
    expect(limits).toEqual([3_600_000]);
  });
});
