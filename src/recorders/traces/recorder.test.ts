/** Traces over real HTTP: a receiver of OTLP/JSON gets one trace for each release. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { type Story, tell } from "../../testing/story.ts";
import { systemClock } from "../../time/system-clock.ts";
import { createTracesRecorder } from "./recorder.ts";
import type { Span } from "./spans.ts";

const PARTS = {
  analysis: { metrics: [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }] },
};

let server: Server;
let endpoint: string;
let status: number;
let received: { readonly path: string; readonly type: string | undefined; readonly body: string }[];

beforeEach(async () => {
  [status, received] = [200, []];
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      received.push({ path: request.url ?? "", type: request.headers["content-type"], body });
      response.writeHead(status).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function rolledBack(): Story {
  const story = tell(PARTS);
  story.world.answer = (probe) => (probe.kind === "metric" ? { kind: "value", value: 100 } : { kind: "passed" });
  story.run(60);
  story.world.revision = { spec: "v2" };
  story.run(20);
  story.world.answer = () => ({ kind: "value", value: 90 });
  story.run(200);
  return story;
}

function recorderFor(log: Log = SILENT_LOG, to = endpoint) {
  const { signal } = new AbortController();
  return createTracesRecorder({ endpoint: to, version: "0.1.0", clock: systemClock, log, signal });
}

function told(story: Story, recorder: ReturnType<typeof recorderFor>): void {
  const canary = aCanary(PARTS);
  for (const { input, transition, routes } of story.turns)
    recorder.record({ canary, input, transition, routes, tookMs: 1 } satisfies Turn);
}

const spansOf = (body: string): readonly Span[] => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans;

it("a release is one trace: the release, its steps, its checks, and why it ended", async () => {
  const recorder = recorderFor();
  const story = rolledBack();
  told(story, recorder);
  await recorder.flush();
  expect(received.map(({ path, type }) => [path, type])).toEqual([["/v1/traces", "application/json"]]);
  const spans = spansOf(received[0]?.body ?? "{}");
  const [root] = spans;
  expect(root).toMatchObject({
    name: "release podinfo.test",
    status: {
      code: 2,
      message: expect.stringMatching(/^Rolled back at step 2 of 5 \(20 %\): request-success-rate 90\.00 %/),
    },
  });
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(root?.traceId).toMatch(/^[0-9a-f]{32}$/);
  const steps = spans.filter(({ name }) => name.startsWith("step "));
  expect(steps.map(({ name }) => name)).toEqual(["step 1", "step 2"]);
  for (const step of steps) expect(step.parentSpanId).toBe(root?.spanId);
  const checks = spans.filter(({ name }) => name === "check request-success-rate");
  expect(checks.length).toBeGreaterThan(4);
  const parents = new Set(spans.map(({ spanId }) => spanId));
  for (const check of checks) expect(parents).toContain(check.parentSpanId);
  for (const { startTimeUnixNano, endTimeUnixNano } of spans)
    expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
});

it("a collector that refuses or is away costs a line in the log and nothing else", async () => {
  const lines: string[] = [];
  const log: Log = { ...SILENT_LOG, warn: (_fields, message) => void lines.push(message) };
  status = 500;
  const refused = recorderFor(log);
  told(rolledBack(), refused);
  await refused.flush();
  const away = recorderFor(log, "http://127.0.0.1:1");
  told(rolledBack(), away);
  await away.flush();
  expect(lines).toEqual([
    "the trace of a release was not accepted by the collector",
    "the trace of a release cannot be sent",
  ]);
});
