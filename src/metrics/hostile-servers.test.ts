/**
 * Metric servers that attack the operator, or that an attacker has taken over. Each provider meets each attack: what it
 * says is short and in one line, what it was sent as a proof is not repeated, and no other server gets anything.
 */
import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { stackdriverAt } from "./stackdriver/stackdriver.ts";
import { createMetricSource } from "./table.ts";

const NOT_ABORTED = new AbortController().signal;
const PLANT = "S3CR3T-OF-THE-SECRET";
const RSA = String(
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }),
);

/** The Secret of each provider that is asked over HTTP. */
const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  prometheus: { username: "user", password: PLANT },
  datadog: { datadog_api_key: PLANT, datadog_application_key: PLANT },
  newrelic: { newrelic_account_id: "42", newrelic_query_key: PLANT },
  dynatrace: { dynatrace_token: PLANT },
  graphite: { username: "user", password: PLANT },
  influxdb: { token: PLANT, org: "org" },
  stackdriver: {
    project: "p",
    serviceAccountKey: JSON.stringify({ type: "service_account", client_email: "a@b", private_key: RSA }),
  },
};
/** InfluxDB answers in CSV. */
const READ_JSON = Object.keys(SECRETS).filter((type) => type !== "influxdb");

type Answer = (response: ServerResponse, sent: string) => void;

let server: Server;
let trap: Server;
let trapped: string[];
let answer: Answer;

const addressOf = ({ address, port }: AddressInfo) => `http://${address}:${port}`;
const at = (one: Server) => addressOf(one.address() as AddressInfo);

beforeAll(async () => {
  server = createServer((request, response) => answer(response, JSON.stringify(request.headers)));
  trap = createServer((request, response) => {
    trapped.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    response.end('{"AccessKeyId":"ASIAFAKE"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => trap.listen(0, "127.0.0.2", resolve));
});

beforeEach(() => {
  trapped = [];
});

afterAll(async () => {
  for (const one of [server, trap]) {
    one.closeAllConnections();
    await new Promise((resolve) => one.close(resolve));
  }
});

/** The text of the event: of a refusal, or of an answer without a value. */
async function said(type: string, address: string, how: Answer, headers = {}): Promise<string> {
  answer = how;
  const credentials = new Map(Object.entries(SECRETS[type] ?? {}));
  const options = { type, address, interval: "1m", clock: systemClock, credentials, headers };
  try {
    const source = type === "stackdriver" ? stackdriverAt(address)(options) : createMetricSource(options);
    const measured = await source.measure("up", NOT_ABORTED);
    return measured.kind === "value" ? `value ${measured.value}` : measured.detail;
  } catch (error) {
    return (error as Error).message;
  }
}

function expectShort(text: string): void {
  expect(text.length).toBeLessThan(2_500);
  expect(text).not.toMatch(/\p{Cc}/u);
  expect(text).not.toContain(PLANT);
}

const everyProvider = it.each(Object.keys(SECRETS));

const REDIRECTS = [301, 302, 303, 307, 308];
it.each(Object.keys(SECRETS).flatMap((type) => REDIRECTS.map((status) => [type, status] as const)))(
  "%s: a redirect with %d to another server is not followed, with no key of the template either",
  async (type, status) => {
    const location = `${at(trap)}/latest/meta-data/`;
    const text = await said(type, at(server), (response) => response.writeHead(status, { location }).end(), {
      "X-Api-Key": [PLANT],
    });
    expect(trapped).toEqual([]);
    expect(text).toContain(`it redirects to another origin, ${at(trap)}, which is not followed`);
    expectShort(text);
  },
);

everyProvider("%s: an answer without end is cut off at a megabyte, and not repeated", async (type) => {
  const text = await said(type, at(server), (response) => {
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  expect(text).toContain("the answer is longer than 1048576 bytes");
  expectShort(text);
});

it.each(READ_JSON)("%s: an answer of a megabyte of brackets is not read", async (type) => {
  const brackets = await said(type, at(server), (response) => response.end("[".repeat(2 ** 20 - 1)));
  expect(brackets).toContain("the JSON is nested more than 100 deep");
  expectShort(brackets);
  const objects = await said(type, at(server), (response) => response.end(`{"data":[${"{},".repeat(70_000)}{}]}`));
  expect(objects).toContain("the JSON has more than 60000 values");
  expectShort(objects);
});

it.each(Object.keys(SECRETS).flatMap((type) => [200, 400, 500].map((status) => [type, status] as const)))(
  "%s: what a server says with the status %d is one short line",
  async (type, status) => {
    const noise = `\x1b[2J\x1b[31mOWNED\r\n{"level":"info"}\u202e\x07${"x".repeat(900_000)}`;
    const bodies = [
      noise,
      JSON.stringify({ error: noise, errors: [noise], data: {} }),
      JSON.stringify({ series: [], results: [], noise }),
    ];
    for (const body of bodies) {
      expectShort(await said(type, at(server), (response) => response.writeHead(status).end(body)));
    }
  },
);

everyProvider("%s: a server that repeats what it was sent gets no proof into an event", async (type) => {
  for (const status of [200, 403]) {
    const text = await said(type, at(server), (response, sent) => response.writeHead(status).end(sent), {
      "X-Api-Key": [PLANT],
    });
    expectShort(text);
    expect(text).not.toContain(Buffer.from(`user:${PLANT}`).toString("base64"));
    expect(text).not.toMatch(/Bearer ey/);
  }
});

it.each([
  "ftp://u:S3CR3T@host",
  "http:u:S3CR3T@host",
  "http:\\\\u:S3CR3T@host",
  "http://u:S3CR3T@host/ x",
  "file:///etc/passwd?S3CR3T",
])("the address %s is refused, and its secret part is not shown", async (address) => {
  for (const type of Object.keys(SECRETS).filter((one) => one !== "stackdriver")) {
    const text = await said(type, address, (response) => response.end("{}"));
    expect(text).toMatch(/is not a valid URL/);
    expect(text).not.toContain("S3CR3T@");
    expect(text).not.toContain("?S3CR3T");
  }
});
