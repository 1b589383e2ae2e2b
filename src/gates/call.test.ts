import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../ports/clock.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { callEventWebhook, callWebhook, type Hook } from "./call.ts";
import { encodePayload, eventPayload } from "./payload.ts";

const PAYLOAD = { name: "podinfo", namespace: "test", phase: "Progressing", checksum: "85d557f47b" };
const NOW = Date.UTC(2026, 0, 1);

type Answerer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const open: { readonly close: (done: () => void) => unknown; readonly closeAllConnections: () => void }[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(resolve));
  }
});

async function serve(answer: Answerer, server: Server = createServer()): Promise<string> {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const status = (code: number, body = "", headers: Record<string, string> = {}): Answerer => {
  return (_request, response) => response.writeHead(code, headers).end(body);
};

/** Waits between attempts pass at once and are recorded; a time limit passes only when it is the named one. */
function testClock(expires?: number): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  const limits = [10_000, 7_000, 50];
  return {
    waits,
    now: () => NOW,
    after(ms, run) {
      if (ms === expires) queueMicrotask(run);
      return () => undefined;
    },
    sleep(ms, signal) {
      if (!limits.includes(ms)) waits.push(ms);
      if (!limits.includes(ms) || ms === expires) return Promise.resolve();
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
    },
  };
}

async function call(hook: Partial<Hook> & { readonly url: string }, clock = testClock()) {
  return callWebhook({ name: "gate", ...hook }, PAYLOAD, { clock, signal: new AbortController().signal });
}

describe("a webhook", () => {
  it("gets the payload in Flagger's bytes", async () => {
    const got: { method: string | undefined; type: string | undefined; body: string }[] = [];
    const host = await serve((request, response, body) => {
      got.push({ method: request.method, type: request.headers["content-type"], body });
      response.end();
    });
    const metadata = { url: "http://a?b=1&c=<2>", cmd: "hey" };
    const ports = { clock: testClock(), signal: new AbortController().signal };
    await callWebhook({ name: "load", url: `http://${host}/` }, { ...PAYLOAD, metadata }, ports);
    await callWebhook({ name: "load", url: `http://${host}/` }, { ...PAYLOAD, metadata: {} }, ports);
    const head = '{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"85d557f47b"';
    expect(got).toEqual([
      {
        method: "POST",
        type: "application/json",
        body: `${head},"metadata":{"cmd":"hey","url":"http://a?b=1\\u0026c=\\u003c2\\u003e"}}`,
      },
      { method: "POST", type: "application/json", body: `${head}}` },
    ]);
    expect(JSON.parse(encodePayload({ ...PAYLOAD, metadata }))).toEqual({ ...PAYLOAD, metadata });
  });

  it("gets its metadata sorted by the keys' bytes, also for numbers and characters beyond the basic plane", () => {
    const metadata = { 10: "a", 9: "b", a: "c", "\u{1F600}": "d", "\uFF5E": "e", __proto__x: "f" };
    expect(encodePayload({ ...PAYLOAD, metadata })).toContain(
      '"metadata":{"10":"a","9":"b","__proto__x":"f","a":"c","\uFF5E":"e","\u{1F600}":"d"}}',
    );
  });

  it.each([
    [200, "passed", undefined],
    [202, "passed", undefined],
    [203, "refused", "body of 203"],
    [304, "refused", ""],
    [302, "refused", "body of 302"],
    [403, "refused", "body of 403"],
    [501, "refused", "body of 501"],
  ])("Q67: that answers %d counts as %s", async (code, kind, detail) => {
    const host = await serve(status(code, `body of ${code}`));
    expect(await call({ url: `http://${host}/`, retries: 3 })).toEqual({
      kind,
      ...(detail === undefined ? {} : { detail }),
    });
  });

  it("is called again after 429 and 5xx, with growing pauses", async () => {
    const answers = [429, 500, 502, 503, 504, 500, 200];
    const host = await serve((_request, response) => response.writeHead(answers.shift() ?? 200).end());
    const clock = testClock();
    expect(await call({ url: `http://${host}/`, retries: 6 }, clock)).toEqual({ kind: "passed" });
    expect(clock.waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000]);
  });

  it("sets the time of the next call with Retry-After, up to a limit", async () => {
    const inTwelveSeconds = new Date(NOW + 12_000).toUTCString();
    const answers: [number, string][] = [
      [503, "3"],
      [429, inTwelveSeconds],
      [500, "3"],
      [503, "86400"],
      [503, "soon"],
    ];
    const host = await serve((_request, response) => {
      const [code, after] = answers.shift() ?? [200, "0"];
      response.writeHead(code, { "retry-after": after }).end();
    });
    const clock = testClock();
    expect(await call({ url: `http://${host}/`, retries: 9 }, clock)).toEqual({ kind: "passed" });
    expect(clock.waits).toEqual([3000, 12_000, 4000, 30_000, 16_000]);
  });

  it("Q68: that keeps failing is given up, with the body of its answer", async () => {
    const broken = await serve(status(503, "database is down"));
    const url = `http://user:secret@${broken}/x`;
    expect(await call({ url, retries: 2 })).toEqual({
      kind: "refused",
      detail: `POST http://${broken}/x giving up after 3 attempt(s): database is down`,
    });
    const silent = await serve(status(500));
    expect(await call({ url: `http://${silent}/` })).toEqual({
      kind: "refused",
      detail: `POST http://${silent}/ giving up after 1 attempt(s)`,
    });
  });

  it("that cannot be reached is given up, with the cause", async () => {
    const clock = testClock();
    expect(await call({ url: "http://u:secret@127.0.0.1:1/x", retries: 1 }, clock)).toEqual({
      kind: "refused",
      detail:
        "POST http://127.0.0.1:1/x giving up after 2 attempt(s): " +
        'Post "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    });
    expect(clock.waits).toEqual([1000]);
  });

  it.each([
    ["ftp://x/", 'Post "ftp://x/": unsupported protocol scheme "ftp"'],
    ["podinfo.test/x", 'Post "podinfo.test/x": unsupported protocol scheme ""'],
    ["http://[/", 'Post "http://[/": invalid URL'],
  ])("with the address %s is called once", async (url, cause) => {
    const clock = testClock();
    expect(await call({ url, retries: 5 }, clock)).toEqual({
      kind: "refused",
      detail: `POST ${url} giving up after 1 attempt(s): ${cause}`,
    });
    expect(clock.waits).toEqual([]);
  });

  it.each([
    ["", 10_000],
    ["5", 10_000],
    ["7s", 7000],
    ["50ms", 50],
  ])("Q69: has a time limit: %j means %d ms", async (timeout, ms) => {
    const host = await serve(() => undefined);
    const answer = await call({ url: `http://${host}/`, timeout }, testClock(ms));
    expect(answer).toEqual({
      kind: "refused",
      detail:
        `POST http://${host}/ giving up after 1 attempt(s): Post "http://${host}/": ` +
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
    });
  });

  it("with a timeout that does not parse is refused in Go's words", async () => {
    expect(await call({ url: "http://127.0.0.1:1/", timeout: "5x" })).toEqual({
      kind: "refused",
      detail: 'time: unknown unit "x" in duration "5x"',
    });
  });

  it("whose answer breaks off is refused", async () => {
    const host = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setImmediate(() => response.destroy());
    });
    const answer = await call({ url: `http://${host}/`, retries: 2 });
    expect(answer).toEqual({ kind: "refused", detail: "error reading body: unexpected EOF" });
  });

  it.each([
    [301, "GET", ""],
    [302, "GET", ""],
    [303, "GET", ""],
    [307, "POST", encodePayload(PAYLOAD)],
    [308, "POST", encodePayload(PAYLOAD)],
  ])("may redirect with %d, which makes it a %s", async (code, method, sent) => {
    let last = {};
    const host = await serve((request, response, body) => {
      if (request.url === "/") return response.writeHead(code, { location: "/there" }).end();
      last = { method: request.method, url: request.url, body };
      return response.end();
    });
    expect(await call({ url: `http://${host}/` })).toEqual({ kind: "passed" });
    expect(last).toEqual({ method, url: "/there", body: sent });
  });

  it.each([
    "http://a@b\\@c/",
    "http:/x/",
    "http:x",
    "http:///x",
    "http://x/ y",
    "http://x/\ty",
    " http://x/",
    "http://x\u0000/",
  ])("with the lax address %j, of which two readers may take different hosts, is not called", async (url) => {
    expect(await call({ url })).toMatchObject({
      kind: "refused",
      detail: expect.stringMatching(/invalid URL|unsupported protocol/),
    });
  });

  it("may redirect nine times, not ten", async () => {
    let hops = 0;
    let limit = 9;
    const host = await serve((_request, response) => {
      hops += 1;
      if (hops > limit) response.end();
      else response.writeHead(302, { location: `/${hops}` }).end();
    });
    expect(await call({ url: `http://${host}/` })).toEqual({ kind: "passed" });
    hops = 0;
    limit = Number.POSITIVE_INFINITY;
    const answer = await call({ url: `http://${host}/`, retries: 4 });
    expect(answer).toEqual({
      kind: "refused",
      detail: `POST http://${host}/ giving up after 1 attempt(s): Post "/10": stopped after 10 redirects`,
    });
    expect(hops).toBe(10);
  });

  it("may redirect to HTTP and HTTPS only, and must use the protocol of its URL", async () => {
    const host = await serve(status(302, "", { location: "ftp://x/" }));
    expect(await call({ url: `http://${host}/`, retries: 4 })).toEqual({
      kind: "refused",
      detail: `POST http://${host}/ giving up after 1 attempt(s): Post "ftp://x/": unsupported protocol scheme "ftp"`,
    });
    expect(await call({ url: `https://${host}/` })).toEqual({
      kind: "refused",
      detail:
        `POST https://${host}/ giving up after 1 attempt(s): Post "https://${host}/": ` +
        "http: server gave HTTP response to HTTPS client",
    });
  });

  it("shows no secret part of its address, in any spelling of the address", async () => {
    const clock = testClock();
    for (const url of [
      "http://S3CR3T@127.0.0.1:1/x",
      "http://127.0.0.1:1/x?token=S3CR3T#S3CR3T",
      "http:user:S3CR3T@127.0.0.1:1/x",
      "http:\\\\user:S3CR3T@127.0.0.1:1/x",
      " http://user:S3CR3T@127.0.0.1:1/x",
      "http://us\ter:S3CR3T@127.0.0.1:1/x",
      "podinfo.test/x?S3CR3T",
    ]) {
      const answer = await call({ url }, clock);
      expect(JSON.stringify(answer)).toMatch(/127.0.0.1:1|podinfo.test/);
      expect(JSON.stringify(answer)).not.toContain("S3CR3T");
    }
  });

  it("has its answer shown as one line of 1,024 characters without control characters", async () => {
    const host = await serve(
      status(400, `\x1b[2J\x1b[31mOWNED\x1b[0m\r\n{"level":"info"}\u202e\x07${"x".repeat(9_000_000)}`),
    );
    const answer = await call({ url: `http://${host}/` });
    const detail = answer.kind === "refused" ? (answer.detail ?? "") : "";
    expect(detail.slice(0, 70)).toBe('\\x1b[2J\\x1b[31mOWNED\\x1b[0m {"level":"info"}\\u202e\\x07xxxxxxxxxxxxxxxx');
    expect(detail.length).toBeLessThan(1200);
  });

  it("whose answer has no end is read as far as it is shown, and then closed", async () => {
    let sent = 0;
    let closed = () => {};
    const over = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const host = await serve((_request, response) => {
      response.writeHead(400).on("close", closed);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(1024))) sent += 1024;
      };
      response.on("drain", more);
      more();
    });
    expect(await call({ url: `http://${host}/` })).toMatchObject({
      detail: expect.stringContaining("4096 characters"),
    });
    await over;
    // What the sockets of both sides hold.
    expect(sent).toBeLessThan(16 * 2 ** 20);
  });

  it("that redirects to another server and back shows no answer", async () => {
    let host = "";
    const other = await serve((_request, response) => response.writeHead(307, { location: `http://${host}/2` }).end());
    host = await serve((request, response) =>
      request.url === "/2"
        ? response.writeHead(403).end("SECRET")
        : response.writeHead(307, { location: `http://${other}/` }).end(),
    );
    expect(JSON.stringify(await call({ url: `http://${host}/1` }))).not.toContain("SECRET");
  });

  it("that redirects to another origin shows no answer of it, and sends it no password", async () => {
    let sent = {};
    const other = await serve((request, response, body) => {
      sent = { authorization: request.headers.authorization, body };
      response.writeHead(403).end("METADATA OF A CLOUD");
    });
    const host = await serve(status(307, "", { location: `http://${other}/` }));
    expect(await call({ url: `http://u:S3CR3T@${host}/` })).toEqual({
      kind: "refused",
      detail: "(the answer of another server, to which the webhook redirects, is not shown)",
    });
    expect(sent).toEqual({ authorization: undefined, body: encodePayload(PAYLOAD) });
  });

  it.each([["0s"], ["-5s"], ["600h"]])(
    "with the time limit %s and endless retries ends after an hour",
    async (timeout) => {
      const clock = createManualClock(NOW);
      const host = await serve((_request, response) => response.writeHead(503).end());
      const ports = { clock, signal: new AbortController().signal };
      const hook = { name: "g", url: `http://${host}/`, timeout, retries: 2_147_483_647 };
      let answer: unknown;
      const calling = callWebhook(hook, PAYLOAD, ports).then((it) => {
        answer = it;
      });
      while (answer === undefined) await clock.advance(10_000);
      await calling;
      expect(answer).toMatchObject({
        kind: "refused",
        detail: expect.stringMatching(/giving up after \d{2,3} attempt/),
      });
      expect(clock.now() - NOW).toBeLessThan(2 * 3_600_000);
    },
  );

  it("ends with the turn that asked", async () => {
    const turn = new AbortController();
    const host = await serve(() => turn.abort(new Error("shutting down")));
    const ports = { clock: testClock(), signal: turn.signal };
    await expect(callWebhook({ name: "g", url: `http://${host}/` }, PAYLOAD, ports)).rejects.toThrow("shutting down");
  });

  it("Q71: with an untrusted certificate needs disableTLS, and is called once", async () => {
    const pems = await generate([{ name: "commonName", value: "127.0.0.1" }]);
    const host = await serve(status(200), createTlsServer({ key: pems.private, cert: pems.cert }));
    const clock = testClock();
    expect(await call({ url: `https://${host}/`, retries: 3 }, clock)).toMatchObject({
      kind: "refused",
      detail: expect.stringMatching(/giving up after 1 attempt\(s\): Post ".*": tls: failed to verify certificate: /),
    });
    expect(clock.waits).toEqual([]);
    expect(await call({ url: `https://${host}/`, disableTLS: true })).toEqual({ kind: "passed" });
  });
});

describe("an event webhook", () => {
  const event = { message: "New revision detected!", type: "Normal", at: NOW } as const;

  it("Q70: gets the event as metadata, which its own metadata cannot override", async () => {
    expect(eventPayload(PAYLOAD, event, { environment: "production", eventType: "mine" })).toEqual({
      ...PAYLOAD,
      metadata: {
        environment: "production",
        eventMessage: "New revision detected!",
        eventType: "Normal",
        timestamp: "1767225600000",
      },
    });
  });

  it("has no rule for short time limits, and fails as one log line", async () => {
    const ports = { clock: testClock(), signal: new AbortController().signal };
    const host = await serve(status(418, "teapot"));
    const hook = { name: "event", url: `http://${host}/` };
    expect(await callEventWebhook({ ...hook, timeout: "5" }, PAYLOAD, event, ports)).toEqual({
      kind: "refused",
      detail: 'error sending event to webhook: time: missing unit in duration "5"',
    });
    expect(await callEventWebhook(hook, PAYLOAD, event, ports)).toEqual({
      kind: "refused",
      detail: "error sending event to webhook: teapot",
    });
  });
});
