/**
 * Random and hostile answers of servers that the operator asks: metric servers and webhooks, over real HTTP. Each
 * answer is a value, no value, or a refusal in one line of bounded length that repeats no secret. `FUZZ_HTTP=20000 npx
 * vitest run test/fuzz/answers.test.ts` is the long run.
 */
import { type AddressInfo, createServer, type Server } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callEventWebhook, callWebhook } from "../../src/gates/call.ts";
import { MetricError } from "../../src/metrics/metric-error.ts";
import { createMetricSource } from "../../src/metrics/table.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { broken } from "./broken.ts";
import { tally } from "./tally.ts";

const RUNS = Number(process.env["FUZZ_HTTP"] ?? "150");
const SEED = Number(process.env["FUZZ_SEED"] ?? "1");
const LONG = 120_000 + RUNS * 200;
const PLANT = "S3CR3T-0F-THE-TENANT";
const NOT_ABORTED = new AbortController().signal;

let server: Server;
let address: string;
/** What the server answers next. */
let answer = Buffer.alloc(0);

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise<unknown>((resolve) => server.close(resolve)));

/** An answer of each provider as its server gives it; parts of it are replaced. */
const PROVIDERS: Readonly<
  Record<string, { readonly secret: Readonly<Record<string, string>>; readonly good: unknown }>
> = {
  prometheus: {
    secret: { username: "user", password: PLANT },
    good: { data: { result: [{ value: [1, "1"] }] } },
  },
  datadog: {
    secret: { datadog_api_key: PLANT, datadog_application_key: PLANT },
    good: { series: [{ pointlist: [[1_577_232_000_000, 29_325.1]] }] },
  },
  newrelic: {
    secret: { newrelic_account_id: "42", newrelic_query_key: PLANT },
    good: { results: [{ result: 29_325.1 }] },
  },
  dynatrace: {
    secret: { dynatrace_token: PLANT },
    good: { result: [{ data: [{ timestamps: [1_577_232_000_000], values: [29_325.1] }] }] },
  },
  graphite: {
    secret: { username: "user", password: PLANT },
    good: [
      {
        target: "x",
        datapoints: [
          [10, 1],
          [null, 2],
        ],
      },
    ],
  },
  influxdb: {
    secret: { token: PLANT, org: "org" },
    good: "#datatype,string,long,double\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n,,0,10\r\n",
  },
};

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom("", "\0", "\x1b[2J", "x".repeat(9_000), "\u202e", PLANT, "NaN", "1e309", "a,b\r\n", '"'),
);

const header = fc.tuple(
  fc.constantFrom("content-type", "retry-after", "location", "date", "connection", "set-cookie", "content-encoding"),
  fc.constantFrom(
    "text/csv",
    "application/json",
    "-1",
    "1e99",
    "/",
    "//",
    "/a?b=c",
    "http://127.0.0.1:1/",
    "close",
    "gzip",
    "x",
  ),
);
const status = fc.constantFrom(200, 200, 200, 201, 204, 206, 301, 307, 400, 401, 404, 429, 500, 501, 503, 599, 999);
const said = (body: fc.Arbitrary<string>) =>
  fc
    .tuple(status, fc.array(header, { maxLength: 3 }), body, fc.integer({ min: -3, max: 3 }))
    .map(([code, headers, content, wrongBy]) => {
      const bytes = Buffer.from(content);
      // Most lengths are right.
      const length = wrongBy > 1 ? bytes.length + wrongBy : bytes.length;
      const lines = [`HTTP/1.1 ${code} X`, ...headers.map(([name, value]) => `${name}: ${value}`)];
      return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\ncontent-length: ${length}\r\n\r\n`), bytes]);
    });
const answers = (body: fc.Arbitrary<string>) =>
  fc
    .oneof(
      { weight: 9, arbitrary: said(body) },
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    )
    .map((bytes) => ({ bytes, toString: () => JSON.stringify(bytes.toString("latin1").slice(0, 500)) }));

function expectShort(message: string): void {
  // A message may hold what a server said, and why it makes no sense.
  expect(message.length).toBeLessThan(2_500);
  expect(message).not.toMatch(/\p{Cc}/u);
  expect(message).not.toContain(PLANT);
}

it.each(Object.entries(PROVIDERS).map(([type, how]) => ({ type, count: tally(`answers to ${type}`), ...how })))(
  "$type: an answer is a value, no value, or an error in a line",
  { timeout: LONG },
  async ({ type, secret, good, count }) => {
    const damaged = fc
      .tuple(fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 3 }), text))
      .map(([where, value]) =>
        typeof good === "string"
          ? good.replace("10", typeof value === "string" ? value : JSON.stringify(value))
          : JSON.stringify(broken(good, (parts) => where % (parts + 1), value)),
      );
    const body = fc.oneof({ weight: 3, arbitrary: damaged }, fc.json({ maxDepth: 4 }), text);
    const credentials = new Map(Object.entries(secret));
    const source = createMetricSource({ type, address, interval: "1m", clock: systemClock, credentials });
    const property = fc.asyncProperty(answers(body), async ({ bytes }) => {
      answer = bytes;
      count.add(1);
      const measured = await source.measure("q", NOT_ABORTED).catch((error: unknown) => {
        if (!(error instanceof MetricError)) throw error;
        return { kind: "no-data", detail: error.message } as const;
      });
      if (measured.kind === "value") expect(typeof measured.value).toBe("number");
      else expectShort(measured.detail);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
  },
);

const webhooks = tally("answers of webhooks");

it("webhooks: an answer passes, or refuses in a line", { timeout: LONG }, async () => {
  const payload = { name: "podinfo", namespace: "test", phase: "Progressing", checksum: "1" };
  const event = { message: "m", type: "Normal", at: 1 } as const;
  const property = fc.asyncProperty(answers(text), fc.boolean(), async ({ bytes }, isEvent) => {
    answer = bytes;
    webhooks.add(1);
    const hook = { name: "gate", url: `${address.replace("://", `://user:${PLANT}@`)}/?token=${PLANT}` };
    const ports = { clock: systemClock, signal: NOT_ABORTED };
    const result = isEvent
      ? await callEventWebhook(hook, payload, event, ports)
      : await callWebhook(hook, payload, ports);
    if (result.kind === "refused") expectShort(result.detail);
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
});
