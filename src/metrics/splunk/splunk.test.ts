/** Splunk's SignalFlow, against a real WebSocket server that speaks it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import type { Clock } from "../../ports/clock.ts";
import type { MetricSource } from "../../ports/metric-source.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { until } from "../../testing/until.ts";
import { systemClock } from "../../time/system-clock.ts";
import { createMetricSource } from "../table.ts";
import { dataPoints } from "./signalflow.ts";

const NOT_ABORTED = new AbortController().signal;
const NOW = 1_700_000_000_000;

type Point = readonly [type: number, series: bigint, value: number];

/** A binary message, as the documentation of SignalFlow's WebSocket messages lays it out. */
function message(points: readonly Point[], { zipped = false, type = 5, flags = 0 } = {}): Buffer {
  const data = Buffer.alloc(12 + 17 * points.length);
  data.writeBigUInt64BE(BigInt(NOW), 0);
  data.writeUInt32BE(points.length, 8);
  points.forEach(([kind, series, value], index) => {
    const at = 12 + 17 * index;
    data.writeUInt8(kind, at);
    data.writeBigUInt64BE(series, at + 1);
    if (kind === 1) data.writeBigInt64BE(BigInt(value), at + 9);
    if (kind === 2) data.writeDoubleBE(value, at + 9);
    if (kind === 3) data.writeInt32BE(value, at + 9);
  });
  const header = Buffer.alloc(20);
  header.set([1, type, flags | (zipped ? 1 : 0), 0]);
  header.write("ch-1", 4);
  return Buffer.concat([header, zipped ? gzipSync(data) : data]);
}

/** A zipped message of nothing but zeros. */
function bomb(bytes: number): Buffer {
  const header = Buffer.from(message([], { zipped: true }).subarray(0, 20));
  const part = gzipSync(Buffer.alloc(bytes / 100), { level: 9 });
  // Members of a gzip file follow one another.
  return Buffer.concat([header, ...Array.from({ length: 100 }, () => part)]);
}

describe("SignalFlow's binary messages", () => {
  it("contain integers, floating-point numbers, or no value", () => {
    const points = [
      [1, 7n, -5],
      [2, 8n, 0.25],
      [3, 9n, 12],
      [0, 10n, 0],
    ] as const;
    const read = [
      { series: 7n, value: -5 },
      { series: 8n, value: 0.25 },
      { series: 9n, value: 12 },
    ];
    expect(dataPoints(message(points))).toEqual(read);
    expect(dataPoints(message(points, { zipped: true }))).toEqual(read);
  });

  it.each([
    ["too short", Buffer.alloc(20), "expected SignalFlow message of at least 21 bytes, got 20 bytes"],
    ["cut off in its data", message([[2, 1n, 1]]).subarray(0, 40), "a SignalFlow message ends in its data"],
    ["cut off before it", message([]).subarray(0, 25), "a SignalFlow message ends before its data"],
    ["JSON", message([], { flags: 2 }), "cannot handle json binary message"],
    ["of another type", message([], { type: 6 }), "cannot handle json binary message"],
    ["zipped and large", bomb(800_000_000), "Cannot create a Buffer larger than 262144 bytes"],
    ["large", Buffer.concat([message([]), Buffer.alloc(300_000)]), "a SignalFlow message is longer than 262144 bytes"],
  ])("that are %s are refused", (_, bytes, why) => {
    expect(() => dataPoints(bytes)).toThrow(why);
  });
});

describe("splunk", () => {
  let server: Server;
  let sockets: WebSocketServer;
  let heard: Record<string, unknown>[];
  let script: readonly (string | Buffer)[];
  let splunk: MetricSource;

  beforeEach(async () => {
    heard = [];
    server = createServer((request, response) => {
      heard.push({ url: request.url, token: request.headers["x-sf-token"] });
      response.writeHead(request.headers["x-sf-token"] === "secret" ? 200 : 401).end("no such token");
    });
    sockets = new WebSocketServer({ server, path: "/v2/signalflow" });
    sockets.on("connection", (socket) => {
      socket.on("pong", () => heard.push({ type: "pong" }));
      socket.on("message", (text) => {
        const told = JSON.parse(String(text)) as Record<string, unknown>;
        heard.push(told);
        if (told["type"] === "authenticate") {
          const known = told["token"] === "secret";
          socket.send(JSON.stringify(known ? { type: "authenticated" } : { type: "error", message: "Invalid token" }));
          return;
        }
        for (const part of script) socket.send(part);
        if (script.length > 0) socket.ping();
        if (script.length === 0) socket.close(1011, "out of order");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    splunk = build("secret");
  });

  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function build(token: string, clock: Clock = { ...systemClock, now: () => NOW }): MetricSource {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = new Map([["sf_token_key", token]]);
    return createMetricSource({ type: "splunk", address, interval: "1m", clock, credentials });
  }

  const control = (event: string) => JSON.stringify({ type: "control-message", channel: "ch-1", event });
  const START = [control("STREAM_START"), control("JOB_START"), JSON.stringify({ type: "metadata", channel: "ch-1" })];

  it("runs the program over the last ten intervals, and takes the last number", async () => {
    script = [...START, message([[2, 1n, 0.5]]), message([[3, 1n, 2]], { zipped: true }), control("END_OF_CHANNEL")];
    expect(await splunk.measure("data('x').publish()", NOT_ABORTED)).toEqual({ kind: "value", value: 2 });
    expect(heard.filter(({ type }) => type !== "pong")).toMatchObject([
      { type: "authenticate", token: "secret" },
      { type: "execute", program: "data('x').publish()", start: NOW - 600_000, stop: NOW, immediate: true },
    ]);
  });

  it("reports that there are no values", async () => {
    script = [...START, message([[0, 1n, 0]]), control("END_OF_CHANNEL")];
    const none = { kind: "no-data", detail: "invalid response: no values found" };
    expect(await splunk.measure("p", NOT_ABORTED)).toEqual(none);
  });

  it.each([
    [
      "several series",
      [
        message([
          [2, 1n, 1],
          [2, 2n, 1],
        ]),
        control("END_OF_CHANNEL"),
      ],
      "invalid response: query returned multiple values",
    ],
    [
      "a program that is wrong",
      [JSON.stringify({ type: "error", message: "no such function" })],
      "error executing query: no such function",
    ],
    ["a channel that is aborted", [control("CHANNEL_ABORT")], "error executing query: the channel was aborted: "],
    [
      "messages without an end",
      Array.from({ length: 10 }, () => message(Array.from({ length: 10_000 }, () => [2, 1n, 1]))),
      "error executing query: the answer is longer than 1048576 bytes",
    ],
    ["one message without an end", [Buffer.alloc(1_100_000)], "error executing query: "],
    ["what is no message", ["<html>"], "error executing query: "],
    ["a connection that ends", [], "error executing query: the connection was closed: 1011 out of order"],
  ])("refuses %s", async (_, parts, why) => {
    script = parts;
    await expect(splunk.measure("p", NOT_ABORTED)).rejects.toThrow(why);
  });

  it("refuses a frame of 64 MiB at its head, before it is read", async () => {
    script = [];
    sockets.removeAllListeners("connection");
    let closed: Promise<void> | undefined;
    server.on("upgrade", (_request, socket) => {
      // A binary frame, not masked, whose length is 64 MiB.
      const head = Buffer.alloc(10);
      head.set([0x82, 127]);
      head.writeBigUInt64BE(2n ** 26n, 2);
      closed = new Promise((resolve) => socket.once("close", resolve));
      setImmediate(() => socket.write(head));
    });
    await expect(splunk.measure("p", NOT_ABORTED)).rejects.toThrow(/^error executing query: (?!no answer)/);
    await closed;
  });

  it("gives up a channel that never ends", async () => {
    script = START;
    const clock = createManualClock(NOW);
    const measuring = build("secret", clock).measure("p", NOT_ABORTED);
    const refused = expect(measuring).rejects.toThrow("error executing query: not over within 30s");
    await until("the client has read the begin of the channel", () => heard.some(({ type }) => type === "pong"));
    await clock.advance(30_000);
    await refused;
  });

  it("reports a refused token and an unreachable server, and stops when the turn ends", async () => {
    await expect(build("wrong").measure("p", NOT_ABORTED)).rejects.toThrow("error executing query: Invalid token");
    const turn = new AbortController();
    script = [control("STREAM_START")];
    const measuring = splunk.measure("p", turn.signal);
    sockets.on("connection", () => turn.abort(new Error("the operator stops")));
    await expect(measuring).rejects.toThrow("the operator stops");
    const clock = systemClock;
    const unreachable = { type: "splunk", address: "http://127.0.0.1:1", interval: "1m", clock };
    const away = createMetricSource({ ...unreachable, credentials: new Map([["sf_token_key", "t"]]) });
    await expect(away.measure("p", NOT_ABORTED)).rejects.toThrow(/^error executing query: /);
  });

  it("counts as online when the server accepts the token", async () => {
    await splunk.online(NOT_ABORTED);
    expect(heard).toEqual([{ url: "/v2/metric?limit=1", token: "secret" }]);
    await expect(build("wrong").online(NOT_ABORTED)).rejects.toThrow("error response: no such token");
  });
});
