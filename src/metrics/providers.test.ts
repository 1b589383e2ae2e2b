/** Providers over HTTP, against servers that answer as the real ones do. */
import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { MetricError } from "./metric-error.ts";
import { type ProviderOptions, within } from "./provider.ts";
import { stackdriverAt } from "./stackdriver/stackdriver.ts";
import { createMetricSource } from "./table.ts";

interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const NOT_ABORTED = new AbortController().signal;
/** 2023-11-14 22:13:20.5 */
const NOW = 1_700_000_000_500;
let calls: Call[];
let reply: { status: number; body: string };
let address: string;
let close: () => Promise<unknown>;

beforeEach(async () => {
  calls = [];
  reply = { status: 200, body: "{}" };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", headers } = request;
    calls.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(reply.status, { "content-type": headers["content-type"] ?? "application/json" }).end(reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await close();
});

type Settings = Partial<Omit<ProviderOptions, "credentials">> & { readonly secret?: Readonly<Record<string, string>> };

function optionsOf(type: string, { secret, ...settings }: Settings = {}): ProviderOptions {
  const credentials = secret === undefined ? undefined : new Map(Object.entries(secret));
  const clock = { ...systemClock, now: () => NOW };
  return { type, address, interval: "1m", clock, credentials, ...settings };
}

const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  datadog: { datadog_api_key: "k", datadog_application_key: "a" },
  newrelic: { newrelic_account_id: "42", newrelic_query_key: "q" },
  dynatrace: { dynatrace_token: "t" },
  influxdb: { token: "t", org: "my org" },
};

function source(type: string, settings: Settings = {}) {
  return createMetricSource(optionsOf(type, { ...(SECRETS[type] && { secret: SECRETS[type] }), ...settings }));
}

/** The result of an answer: a number, "no data: …" or the error's text. */
async function outcome(type: string, body: string, status = 200, settings: Settings = {}): Promise<number | string> {
  reply = { status, body };
  try {
    const measured = await source(type, settings).measure("q", NOT_ABORTED);
    return measured.kind === "value" ? measured.value : `no data: ${measured.detail}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const none = (body: string) => `no data: invalid response: ${body}: no values found`;
const FLUX = "#datatype,string,long,double\n#group,false,false,false\n#default,_result,,\n,result,table,_value\n";

describe("an answer", () => {
  it.each<[provider: string, what: string, body: string, outcome: number | string]>([
    [
      "datadog",
      "the oldest point of the first series",
      '{"series":[{"pointlist":[[1,2.5],[2,9]]},{"pointlist":[[1,7]]}]}',
      2.5,
    ],
    ["datadog", "M9: nulls are passed over", '{"series":[{"pointlist":[[1,null],[2,9]]}]}', 9],
    ["datadog", "a point without value", '{"series":[{"pointlist":[[1]]}]}', none('{"series":[{"pointlist":[[1]]}]}')],
    ["datadog", "no series", '{"series":[]}', none('{"series":[]}')],
    ["datadog", "no points", '{"series":[{"pointlist":[]}]}', none('{"series":[{"pointlist":[]}]}')],
    ["newrelic", "one result", '{"results":[{"result":99.5}]}', 99.5],
    [
      "newrelic",
      "two results",
      '{"results":[{"result":1},{"result":2}]}',
      none('{"results":[{"result":1},{"result":2}]}'),
    ],
    ["newrelic", "null", '{"results":[{"result":null}]}', none('{"results":[{"result":null}]}')],
    ["dynatrace", "the last series' first value", '{"result":[{"data":[{"values":[1]},{"values":[2,3]}]}]}', 2],
    [
      "dynatrace",
      "M9: null",
      '{"result":[{"data":[{"values":[null]}]}]}',
      none('{"result":[{"data":[{"values":[null]}]}]}'),
    ],
    ["dynatrace", "nothing", '{"result":[]}', none('{"result":[]}')],
    ["graphite", "the last point", '[{"target":"a","datapoints":[[10,1],[75,2],[25,3],[100,4]]}]', 100],
    [
      "graphite",
      "nulls are passed over",
      '[{"target":"a","datapoints":[[10,1],[null,2]]},{"target":"b","datapoints":[[null,null]]}]',
      10,
    ],
    ["graphite", "texts are numbers", '[{"target":"a","datapoints":[["1.5","3"]]}]', 1.5],
    ["graphite", "nothing but nulls", '[{"target":"a","datapoints":[[null,1]]}]', "no data: no values found"],
    ["graphite", "nothing", "[]", "no data: no values found"],
    [
      "graphite",
      "a point of three",
      '[{"datapoints":[[1,2,3]]}]',
      "error unmarshaling data point: it must have a value and a time: [1,2,3]",
    ],
    [
      "graphite",
      "a point of words",
      '[{"datapoints":[["x",2]]}]',
      'error unmarshaling data point: it is not a number: ["x",2]',
    ],
    ["influxdb", "the first record", `${FLUX},,0,12.5\r\n,,0,13\r\n`, 12.5],
    ["influxdb", "behind an empty table", `${FLUX}\n${FLUX},,1,3.5\n`, 3.5],
    [
      "influxdb",
      "a quoted field",
      `${FLUX.replace("_value", "host,_value").replace("double", "string,double")},,0,"a,\n""b""",4\n`,
      4,
    ],
    ["influxdb", "M8: no record", FLUX, "no data: no values found"],
    ["influxdb", "M8: nothing at all", "\r\n", "no data: no values found"],
    ["influxdb", "null", `${FLUX},,0,\n`, "no data: invalid response: result:_result,table:0,_value:: no values found"],
    [
      "influxdb",
      "a whole number",
      `${FLUX.replace("double", "long")},,0,1\n`,
      "invalid response: result:_result,table:0,_value:1",
    ],
    ["influxdb", "NaN", `${FLUX},,0,NaN\n`, "no data: no values found"],
    ["influxdb", "infinity", `${FLUX},,0,+Inf\n`, Number.POSITIVE_INFINITY],
    [
      "influxdb",
      "an error on the way",
      "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,broken,897\n",
      "query error: broken",
    ],
    [
      "cloudwatch",
      "the newest value of the first result",
      '{"MetricDataResults":[{"Id":"a","Values":[3.5,1]},{"Id":"b","Values":[9]}]}',
      3.5,
    ],
    ["cloudwatch", "no results", "{}", "no data: invalid response: []: no values found"],
    [
      "cloudwatch",
      "no values",
      '{"MetricDataResults":[{"Id":"a","Values":[]}]}',
      'no data: invalid reponse [{"Id":"a","Values":[]}]: no values found',
    ],
  ])("of %s: %s", async (type, _what, body, expected) => {
    if (type === "cloudwatch") {
      useAws();
      reply = { status: 200, body };
      const measured = await source(type, { region: "eu-west-1" }).measure("[]", NOT_ABORTED);
      expect(measured.kind === "value" ? measured.value : `no data: ${measured.detail}`).toBe(expected);
      return;
    }
    expect(await outcome(type, body)).toBe(expected);
  });

  it.each<[provider: string, status: number, body: string, outcome: string]>([
    ["datadog", 403, "forbidden", "error response: forbidden: 403 Forbidden"],
    ["newrelic", 500, "oops", "error response: oops"],
    ["dynatrace", 401, "no token", "error response: no token"],
    ["graphite", 400, "bad target", "error response: bad target"],
    ["influxdb", 401, "no", "error accessing influxdb query api: 401 Unauthorized: no"],
  ])("of %s: status %i (M10)", async (type, status, body, expected) => {
    expect(await outcome(type, body, status)).toBe(expected);
  });

  it.each(["datadog", "newrelic", "dynatrace", "graphite"])("of %s that is no JSON is shown", async (type) => {
    expect(await outcome(type, "<html>")).toMatch(/^error unmarshaling result: .*<html>/s);
  });

  it("that never comes is awaited only until the turn ends", async () => {
    const turn = new AbortController();
    turn.abort(new Error("the operator stops"));
    await expect(source("datadog").measure("q", turn.signal)).rejects.toThrow("the operator stops");
  });
});

describe("a query", () => {
  it.each<[provider: string, query: string, url: string, header: [string, string]]>([
    [
      "datadog",
      "avg:x{a:b} by {c}",
      "/api/v1/query?from=1699999400&query=avg%3Ax%7Ba%3Ab%7D+by+%7Bc%7D&to=1700000000",
      ["dd-application-key", "a"],
    ],
    ["newrelic", "SELECT 1", "/v1/accounts/42/query?nrql=SELECT+1+SINCE+60+seconds+ago", ["x-query-key", "q"]],
    [
      "dynatrace",
      "a:b",
      "/api/v2/metrics/query?from=1699999400000&metricSelector=a%3Ab&resolution=Inf&to=1700000000000",
      ["authorization", "Api-Token t"],
    ],
    ["graphite", "target=sum(a)\n  &from=-2min", "/render?format=json&from=-2min&target=sum%28a%29+", ["host", ""]],
  ])("of %s", async (type, query, url, [name, text]) => {
    await source(type)
      .measure(query, NOT_ABORTED)
      .catch(() => undefined);
    expect(calls).toMatchObject([{ method: "GET", url }]);
    expect(calls[0]?.headers[name]).toContain(text);
  });

  it("of influxdb", async () => {
    reply = { status: 200, body: `${FLUX},,0,1\n` };
    await source("influxdb").measure('from(bucket: "b")', NOT_ABORTED);
    expect(calls).toMatchObject([{ method: "POST", url: "/api/v2/query?org=my+org" }]);
    expect(calls[0]?.headers).toMatchObject({ authorization: "Token t", "content-type": "application/json" });
    expect(JSON.parse(calls[0]?.body ?? "")).toEqual({
      query: 'from(bucket: "b")',
      type: "flux",
      dialect: { annotations: ["datatype", "group", "default"], delimiter: ",", header: true },
    });
  });

  it("of cloudwatch: the case of keys does not matter", async () => {
    useAws();
    const query =
      '[{"id":"m1","metricStat":{"metric":{"namespace":"N","metricname":"E","dimensions":[{"name":"app","value":"x"}]},"period":60,"stat":"Sum"},"returnData":false}]';
    await source("cloudwatch", { region: "eu-west-1" }).measure(query, NOT_ABORTED);
    expect(calls[0]?.headers.authorization).toContain("/eu-west-1/monitoring/aws4_request");
    expect(JSON.parse(calls[0]?.body ?? "")).toEqual({
      MetricDataQueries: [
        {
          Id: "m1",
          MetricStat: {
            Metric: { Namespace: "N", MetricName: "E", Dimensions: [{ Name: "app", Value: "x" }] },
            Period: 60,
            Stat: "Sum",
          },
          ReturnData: false,
        },
      ],
      StartTime: 1_699_999_400.5,
      EndTime: 1_700_000_000.5,
      MaxDatapoints: 20,
    });
  });

  it.each([
    ["no JSON", /^error unmarshaling query: /],
    ["{}", /^error unmarshaling query: it must be a list/],
    ["[1]", /^error unmarshaling query: every entry of the list must be an object$/],
  ])("of cloudwatch that is %s is refused", async (query, message) => {
    await expect(source("cloudwatch", { region: "eu-west-1" }).measure(query, NOT_ABORTED)).rejects.toThrow(message);
  });
});

it("sends the user and password in an address, and never shows them", async () => {
  reply = { status: 200, body: '{"series":[]}' };
  const built = source("datadog", { address: address.replace("http://", "http://me:s%65cret@") });
  await built.measure("q", NOT_ABORTED);
  expect(calls[0]?.headers.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  await close();
  const failure = await built.measure("q", NOT_ABORTED).catch(String);
  expect(failure).toContain(`request failed: Get "${address}/api/v1/query?`);
});

it.each([
  ["newrelic", { newrelic_account_id: "acc0unt", newrelic_query_key: "q" }],
  ["influxdb", { org: "acc0unt", token: "t" }],
])("shows no value of the Secret of %s when the server is away", async (type, secret) => {
  await close();
  const failure = await source(type, { secret })
    .measure("q", NOT_ABORTED)
    .catch((error: unknown) => String(error));
  expect(failure).toMatch(/request failed: (?:Get|Post) "http:/);
  expect(failure).not.toContain("acc0unt");
});

describe("an answer that takes too long", () => {
  it("is given up, and ends with the turn", async () => {
    const forever = () => new Promise<never>(() => undefined);
    await expect(within(5, { clock: systemClock, signal: NOT_ABORTED }, forever)).rejects.toThrow(
      new MetricError("no answer within 0.005s"),
    );
    const turn = new AbortController();
    const work = within(60_000, { clock: systemClock, signal: turn.signal }, forever);
    turn.abort(new Error("the operator stops"));
    await expect(work).rejects.toThrow("the operator stops");
    await expect(
      within(60_000, { clock: systemClock, signal: NOT_ABORTED }, () => Promise.reject(new Error("no"))),
    ).rejects.toThrow("no");
  });
});

describe("the check whether a provider is online", () => {
  it.each<[provider: string, url: string]>([
    ["datadog", "/api/v1/validate"],
    ["newrelic", "/v1/accounts/42/query?nrql=SELECT+*+FROM+Metric+SINCE+60+seconds+ago".replace("*", "%2A")],
    ["dynatrace", "/api/v2/metrics?pageSize=1"],
    ["influxdb", "/api/v2/query?org=my+org"],
    ["graphite", "/render?format=json&target=test"],
  ])("%s", async (type, url) => {
    reply.body = type === "graphite" ? "[]" : type === "influxdb" ? "" : "{}";
    await source(type).online(NOT_ABORTED);
    expect(calls.map((call) => call.url)).toEqual([url]);
    reply = { status: 503, body: "away" };
    await expect(source(type).online(NOT_ABORTED)).rejects.toThrow("away");
  });

  it("cloudwatch: a server that rejects an empty query is online", async () => {
    useAws();
    const online = () => source("cloudwatch", { region: "eu-west-1" }).online(NOT_ABORTED);
    await online();
    reply = { status: 400, body: '{"__type":"MissingParameter","message":"queries"}' };
    await online();
    reply = { status: 403, body: '{"__type":"AccessDenied","message":"no"}' };
    await expect(online()).rejects.toThrow("unexpected status code: AccessDenied: no");
    await close();
    await expect(online()).rejects.toThrow(/^unexpected error: /);
  });
});

describe("the settings of a provider", () => {
  it.each<[provider: string, settings: Settings, message: string]>([
    ["datadog", { secret: {} }, "datadog credentials does not contain datadog_api_key"],
    ["datadog", { secret: { datadog_api_key: "k" } }, "datadog credentials does not contain datadog_application_key"],
    ["datadog", { interval: "soon" }, 'error parsing metric interval: time: invalid duration "soon"'],
    ["newrelic", { secret: {} }, "newrelic credentials does not contain the key 'newrelic_account_id'"],
    [
      "newrelic",
      { secret: { newrelic_account_id: "1" } },
      "newrelic credentials does not contain the key ''newrelic_query_key",
    ],
    ["dynatrace", { address: "" }, "dynatrace endpoint is not set"],
    ["dynatrace", { secret: {} }, "dynatrace credentials does not contain dynatrace_token"],
    ["graphite", { address: "" }, "graphite address  is not a valid URL"],
    ["graphite", { secret: {} }, "graphite credentials does not contain a username"],
    ["graphite", { secret: { username: "u" } }, "graphite credentials does not contain a password"],
    ["influxdb", { address: "influx" }, "influxdb address influx is not a valid URL"],
    ["influxdb", { secret: {} }, "influxdb credentials does not contain an authentication token"],
    ["influxdb", { secret: { token: "t" } }, "influxdb credentials does not contain an organisation"],
    ["cloudwatch", {}, "region not specified"],
    ["cloudwatch", { region: "r", interval: "" }, 'error parsing metric interval: time: invalid duration ""'],
    ["stackdriver", { secret: {} }, "stackdriver credentials does not contain a project id"],
    [
      "stackdriver",
      { secret: { project: "p", serviceAccountKey: "{" } },
      "the serviceAccountKey of the stackdriver credentials is no JSON",
    ],
    ["splunk", { address: "" }, "splunk endpoint is not set"],
    ["splunk", { secret: {} }, "splunk credentials does not contain sf_token_key"],
    ["keptn", {}, "could not initialize KeptnProvider: no KubeConfig provided"],
    ["externalmetrics", { address: "" }, "could not initialize ExternalMetricsProvider: rest config is nil"],
  ])("%s with %j is refused", (type, settings, message) => {
    expect(() => source(type, settings)).toThrow(new MetricError(message));
  });

  it("graphite sends user and password", async () => {
    reply.body = "[]";
    await source("graphite", { secret: { username: "u", password: "p" } }).measure("target=a", NOT_ABORTED);
    expect(calls[0]?.headers.authorization).toBe(`Basic ${Buffer.from("u:p").toString("base64")}`);
  });
});

describe("stackdriver", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const serviceAccountKey = JSON.stringify({
    type: "service_account",
    client_email: "aviary@example.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    private_key_id: "1",
  });
  const built = () => stackdriverAt(address)(optionsOf("stackdriver", { secret: { project: "p", serviceAccountKey } }));
  const data = (values: string) => `{"timeSeriesData":[{"pointData":[{"values":[${values}]}]}]}`;

  it("queries in MQL, as the account of the key", async () => {
    reply.body = data('{"doubleValue":1.5}');
    expect(await built().measure("fetch x", NOT_ABORTED)).toEqual({ kind: "value", value: 1.5 });
    expect(calls).toMatchObject([
      { method: "POST", url: "/v3/projects/p/timeSeries:query", body: '{"query":"fetch x"}' },
    ]);
    const [, claims = ""] = (calls[0]?.headers.authorization ?? "").replace("Bearer ", "").split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      iss: "aviary@example.iam.gserviceaccount.com",
      scope: "https://www.googleapis.com/auth/monitoring.read",
    });
  });

  it("M9: reads whole numbers", async () => {
    reply.body = data('{"int64Value":"7"}');
    expect(await built().measure("q", NOT_ABORTED)).toEqual({ kind: "value", value: 7 });
  });

  it.each([["{}"], ['{"timeSeriesData":[{"pointData":[]}]}'], [data("")]])("finds no value in %s", async (body) => {
    reply.body = body;
    expect(await built().measure("q", NOT_ABORTED)).toMatchObject({ kind: "no-data" });
  });

  it("reports errors, and counts as online when it rejects an empty query", async () => {
    const refused = (code: number, status: string) => ({
      status: code,
      body: JSON.stringify({ error: { code, message: "no", status } }),
    });
    reply = refused(403, "PERMISSION_DENIED");
    const text = "error requesting stackdriver: rpc error: code = PermissionDenied desc = no";
    await expect(built().measure("q", NOT_ABORTED)).rejects.toThrow(text);
    await expect(built().online(NOT_ABORTED)).rejects.toThrow("unexpected status code: PermissionDenied");
    reply = refused(400, "INVALID_ARGUMENT");
    await built().online(NOT_ABORTED);
  });
});

/** The SDK's own environment variables for identity and address. */
function useAws(): void {
  vi.stubEnv("AWS_ENDPOINT_URL_CLOUDWATCH", address);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "id");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
}
