import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import type { MetricSource } from "../../ports/metric-source.ts";
import { systemClock } from "../../time/system-clock.ts";
import { createPrometheus, type PrometheusOptions } from "./prometheus.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const closing: (() => Promise<unknown>)[] = [];
const signal = new AbortController().signal;

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function prometheus(options: Omit<PrometheusOptions, "type" | "clock">): MetricSource {
  const dispatcher = new Agent();
  closing.push(() => dispatcher.destroy());
  return createPrometheus({ type: "prometheus", clock: systemClock, dispatcher, ...options });
}

const vector = (...values: unknown[]) =>
  JSON.stringify({
    status: "success",
    data: { resultType: "vector", result: values.map((value) => ({ metric: {}, value: [1545905245.458, value] })) },
  });

async function answerTo(body: string, status = 200) {
  const address = await serve((_, response) => response.writeHead(status).end(body));
  return prometheus({ address }).measure("x", signal);
}

describe("an answer of Prometheus", () => {
  it.each([
    ["one number", vector("100"), 100],
    ["the last element counts (M6)", vector("1", "2"), 2],
    ["infinity", vector("+Inf"), Number.POSITIVE_INFINITY],
    ["exponents", vector("1.5e-05"), 1.5e-5],
    ["a value that is no text is passed over", vector("7", 8), 7],
  ])("%s", async (_, body, value) => {
    expect(await answerTo(body)).toEqual({ kind: "value", value });
  });

  it.each([
    ["an empty vector", vector()],
    ["NaN", vector("NaN")],
    ["NaN last", vector("1", "NaN")],
    ["an element without value (M6)", '{"data":{"result":[{"metric":{}}]}}'],
    ["an error with status 200", '{"status":"error","error":"x"}'],
  ])("%s is no data", async (_, body) => {
    expect(await answerTo(body)).toEqual({ kind: "no-data", detail: "no values found" });
  });

  it.each([
    [
      "a matrix",
      '{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"NaN"]]}]}}',
      200,
      /^query returned multiple values$/,
    ],
    [
      "a scalar",
      '{"data":{"resultType":"scalar","result":[1,"1"]}}',
      200,
      /^error unmarshaling result: .*, '\{"data".*'$/,
    ],
    ["no JSON", "<html>", 200, /^error unmarshaling result: .*, '<html>'$/],
    ["a long text", vector("x".repeat(9_000)), 200, /^.{1,1200}$/],
    ["no number", vector("abc"), 200, /^strconv.ParseFloat: parsing "abc": invalid syntax$/],
    ["a bad gateway", "", 502, /^error response: Status 502 Bad Gateway: $/],
    ["a refused query", '{"status":"error"}', 400, /^error response: Status 400 Bad Request: \{"status":"error"\}$/],
  ])("%s is an error", async (_, body, status, message) => {
    await expect(answerTo(body, status)).rejects.toThrow(message);
  });

  it("that does not come is an error when the connection is refused or the signal is aborted", async () => {
    const source = prometheus({ address: "http://u:secret@127.0.0.1:1" });
    await expect(source.measure("vector(1)", signal)).rejects.toThrow(
      /^request failed: Get "http:\/\/127.0.0.1:1\/api\/v1\/query\?query=vector%281%29": .*ECONNREFUSED/,
    );
    const abort = new AbortController();
    const address = await serve(() => abort.abort(new Error("the turn is over")));
    await expect(prometheus({ address }).measure("x", abort.signal)).rejects.toThrow("the turn is over");
  });
});

describe("a query to Prometheus", () => {
  async function requestOf(
    path: string,
    options: Partial<Omit<PrometheusOptions, "clock">> = {},
    query = "x",
    userinfo = "",
  ) {
    const seen: IncomingMessage[] = [];
    const address = await serve((request, response) => {
      seen.push(request);
      response.end(vector("1"));
    });
    const [scheme, rest] = address.split("//");
    const source = prometheus({ address: `${scheme}//${userinfo}${rest}${path}`, ...options });
    await source.measure(query, signal);
    await source.measure(query, signal);
    const request = seen.at(-1);
    if (request === undefined) throw new Error("no request came");
    return request;
  }

  it.each([
    ["", "/api/v1/query?query=x"],
    ["/", "/api/v1/query?query=x"],
    ["/prefix/?db=1", "/prefix/api/v1/query?query=x"],
  ])("address path %j becomes %s", async (path, url) => {
    expect((await requestOf(path)).url).toBe(url);
  });

  it("collapses white space and escapes the query", async () => {
    const { url } = await requestOf("", {}, '\n  a{b="c"}\n\t[1m] + 1\n');
    expect(url).toBe("/api/v1/query?query=+a%7Bb%3D%22c%22%7D+%5B1m%5D+%2B+1+");
  });

  it("sends all values of the template's headers, and one bearer token in every request (M7)", async () => {
    const { rawHeaders } = await requestOf("", {
      headers: { "X-Scope-OrgID": ["t1", "t2"] },
      credentials: new Map([
        ["token", "xyz"],
        ["username", "u"],
      ]),
    });
    const sent = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    expect(sent.filter((line) => /^(x-scope|auth)/i.test(line))).toEqual([
      "X-Scope-OrgID: t1",
      "X-Scope-OrgID: t2",
      "Authorization: Bearer xyz",
    ]);
  });

  it("sends user and password from the Secret, or else from the address", async () => {
    const credentials = new Map([
      ["username", "u"],
      ["password", "p"],
    ]);
    expect((await requestOf("", { credentials })).headers.authorization).toBe("Basic dTpw");
    expect((await requestOf("", {}, "x", "u:p%40@")).headers.authorization).toBe(
      `Basic ${Buffer.from("u:p@").toString("base64")}`,
    );
    expect((await requestOf("", {})).headers.authorization).toBeUndefined();
  });

  it("follows redirects", async () => {
    const address = await serve((request, response) => {
      if (request.url?.startsWith("/new/")) response.end(vector("3"));
      else response.writeHead(307, { location: `/new${request.url}` }).end();
    });
    expect(await prometheus({ address }).measure("x", signal)).toEqual({ kind: "value", value: 3 });
  });
});

describe("a provider that cannot be created", () => {
  it.each(["", "prometheus:9090", "/x", "ftp://host"])("address %j", (address) => {
    expect(() => prometheus({ address })).toThrow(`prometheus address ${address} is not a valid URL`);
  });

  it("names the credential that is missing", () => {
    const address = "http://prometheus:9090";
    const user = new Map([["username", "u"]]);
    expect(() => prometheus({ address, credentials: new Map() })).toThrow(
      "prometheus credentials does not contain a username",
    );
    expect(() => prometheus({ address, credentials: user })).toThrow(
      "prometheus credentials does not contain a password",
    );
  });
});

describe("the check whether Prometheus is online", () => {
  const onlineWith = async (body: string, status = 200) => {
    const asked: (string | undefined)[] = [];
    const address = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end(body);
    });
    await prometheus({ address }).online(signal);
    return asked;
  };

  it("queries vector(1) and expects 1", async () => {
    expect(await onlineWith(vector("1"))).toEqual(["/api/v1/query?query=vector%281%29"]);
    await expect(onlineWith(vector("2"))).rejects.toThrow(/^value is not 1 for query: vector\(1\)$/);
    await expect(onlineWith(vector())).rejects.toThrow(/^running query failed: no values found$/);
    await expect(onlineWith("down", 503)).rejects.toThrow(
      /^running query failed: error response: Status 503 Service Unavailable: down$/,
    );
  });
});
