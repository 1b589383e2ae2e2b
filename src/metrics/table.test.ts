import { expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { createMetricSource, PROVIDER_NAMES } from "./table.ts";

const options = { address: "http://prometheus:9090", interval: "1m", clock: systemClock };

it("knows the eleven providers of Flagger", () => {
  const ofFlagger = [
    "cloudwatch",
    "datadog",
    "dynatrace",
    "externalmetrics",
    "graphite",
    "influxdb",
    "keptn",
    "newrelic",
    "prometheus",
    "splunk",
    "stackdriver",
  ];
  expect(PROVIDER_NAMES).toEqual(expect.arrayContaining(ofFlagger));
  expect(createMetricSource({ type: "prometheus", ...options }).type).toBe("prometheus");
});

it.each([
  ["promtheus", 'unknown metric provider "promtheus": use one of prometheus, influxdb'],
  ["toString", 'unknown metric provider "toString"'],
])("refuses %s", (type, message) => {
  expect(() => createMetricSource({ type, ...options })).toThrow(message);
});
