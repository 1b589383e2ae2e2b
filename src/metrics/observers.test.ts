import { describe, expect, it } from "vitest";
import type { Measurement, MetricSource } from "../ports/metric-source.ts";
import { MetricError } from "./metric-error.ts";
import golden from "./observers.golden.json" with { type: "json" };
import { askObserver, builtInQuery, observerFor, observerKey } from "./observers.ts";
import { type QueryModel, renderQuery } from "./template.ts";

const MODEL: QueryModel = {
  name: "canary.one",
  namespace: "default",
  target: "podinfo",
  service: "podinfo",
  ingress: "skipper-ingress",
  route: "podinfo-00002",
  interval: "1m",
  variables: {},
};
const KEYS: Readonly<Record<string, string>> = { http: "kubernetes" };
const collapsed = (query: string) => query.replace(/\s+/g, " ");
const signal = new AbortController().signal;

function answering(answer: Measurement | Error): MetricSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    type: "test",
    asked,
    measure: async (query) => {
      asked.push(query);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    online: async () => {},
  };
}

describe("built-in queries", () => {
  it.each(Object.entries(golden))("%s asks as the contract says (target and service of one name)", (name, queries) => {
    const observer = observerFor(KEYS[name] ?? name);
    const model = name === "skipper" ? { ...MODEL, ingress: "skipper_ingress" } : MODEL;
    const expected = (text: string) => collapsed(renderQuery(` ${text}`, model)).replace(/^ ?/, " ");
    expect(observer.name).toBe(name);
    expect(collapsed(builtInQuery(observer, "success-rate", MODEL))).toBe(expected(queries["request-success-rate"]));
    expect(collapsed(builtInQuery(observer, "duration", MODEL))).toBe(expected(queries["request-duration"]));
  });

  it("are sent in the form that the contract gives", () => {
    const model = { ...MODEL, namespace: "skipper", service: "backend" };
    expect(collapsed(builtInQuery(observerFor("skipper"), "success-rate", model))).toBe(
      ' sum(rate(skipper_response_duration_seconds_bucket{route=~"kube(ew)?_skipper__skipper_ingress_canary__.*__backend' +
        '_canary(_[0-9]+)?",code!~"5..",le="+Inf"}[1m])) / sum(rate(skipper_response_duration_seconds_bucket{' +
        'route=~"kube(ew)?_skipper__skipper_ingress_canary__.*__backend_canary(_[0-9]+)?",le="+Inf"}[1m])) * 100',
    );
    expect(collapsed(builtInQuery(observerFor("istio"), "duration", MODEL))).toBe(
      ' histogram_quantile( 0.99, sum( rate( istio_request_duration_milliseconds_bucket{ reporter="destination", ' +
        'destination_workload_namespace="default", destination_workload=~"podinfo" }[1m] ) ) by (le) )',
    );
  });

  it.each(["gloo", "traefik", "kuma", "apisix"])("%s queries by the service, not by the target (M3)", (name) => {
    const query = builtInQuery(observerFor(name), "success-rate", { ...MODEL, service: "apex" });
    expect(query).toContain("apex-canary");
    expect(query).not.toContain("podinfo-canary");
  });
});

describe("the observer", () => {
  it.each([
    [{ meshProvider: "istio" }, "istio", "istio"],
    [{ meshProvider: "istio", ownProvider: "kubernetes" }, "kubernetes", "http"],
    [{ meshProvider: "gatewayapi:v1" }, "gatewayapi:v1", "http"],
    [{ meshProvider: "appmesh:v1beta2" }, "appmesh:v1beta2", "appmesh"],
    [{ meshProvider: "smi:v1alpha2:crossover" }, "crossover", "istio"],
    [{ meshProvider: "crossover", ownProvider: "nginx" }, "nginx", "nginx"],
    [{ meshProvider: "smi:v1alpha2:linkerd" }, "smi:v1alpha2:linkerd", "istio"],
  ])("%j: %s, %s's queries", (choice, key, name) => {
    expect(observerKey({ ...choice, targetIsService: false })).toBe(key);
    expect(observerFor(key).name).toBe(name);
  });

  it("is linkerd's when the operator's provider is linkerd (M16, Q46)", () => {
    expect(observerKey({ meshProvider: "smi:linkerd", ownProvider: "istio", targetIsService: false })).toBe("linkerd");
  });

  it("is istio's for most Service targets (M2, Q45)", () => {
    const key = observerKey({ meshProvider: "kubernetes", targetIsService: true });
    expect(key).toBe("kubernetes:service");
    expect(observerFor(key).name).toBe("istio");
    expect(observerFor("gatewayapi:v1:service").name).toBe("http");
    expect(observerFor("gloo:service").name).toBe("gloo");
    expect(observerFor("no-such-mesh").name).toBe("istio");
  });
});

describe("a built-in check", () => {
  const ask = (key: string, kind: "success-rate" | "duration", answer: Measurement | Error) =>
    askObserver(observerFor(key), kind, MODEL, answering(answer), signal);

  it("returns whole milliseconds, truncated", async () => {
    expect(await ask("kubernetes", "duration", { kind: "value", value: 0.5009 })).toEqual({
      kind: "value",
      value: 500,
    });
    expect(await ask("istio", "duration", { kind: "value", value: 500.9 })).toEqual({ kind: "value", value: 500 });
    expect(await ask("istio", "success-rate", { kind: "value", value: 98.999 })).toEqual({
      kind: "value",
      value: 98.999,
    });
  });

  it("keeps an infinite duration infinite, so that it cannot pass (M13)", async () => {
    const answer = await ask("istio", "duration", { kind: "value", value: Number.POSITIVE_INFINITY });
    expect(answer).toEqual({ kind: "value", value: Number.POSITIVE_INFINITY });
  });

  it("names the failed action, except for the http observer's success rate", async () => {
    const failure = new MetricError("request failed: x");
    await expect(ask("istio", "success-rate", failure)).rejects.toThrow(/^running query failed: request failed: x$/);
    await expect(ask("kubernetes", "duration", failure)).rejects.toThrow(/^running query failed: request failed: x$/);
    await expect(ask("kubernetes", "success-rate", failure)).rejects.toThrow(/^request failed: x$/);
    const nothing: Measurement = { kind: "no-data", detail: "no values found" };
    expect(await ask("istio", "success-rate", nothing)).toEqual({
      kind: "no-data",
      detail: "running query failed: no values found",
    });
    expect(await ask("kubernetes", "success-rate", nothing)).toEqual(nothing);
  });
});
