/** docs/reference/operator.md knows every flag with its default, and every metric with its labels. */
import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createMetricsRecorder } from "../../recorders/metrics/recorder.ts";
import { OPERATOR_FLAGS } from "./flags.ts";
import { createSelfMetrics } from "./self-metrics.ts";

const TEXT = readFileSync(new URL("../../../docs/reference/operator.md", import.meta.url), "utf8");
const rows = (first: string) => TEXT.split("\n").filter((line) => line.startsWith(`| \`${first}`));

describe("docs/reference/operator.md", () => {
  it("flags", () => {
    const used = Object.entries(OPERATOR_FLAGS).filter(([, { help }]) => help !== "accepted and not used");
    const wanted = used.map(
      ([name, { preset, help }]) => `| \`-${name}\` | ${preset === "" ? "" : `\`${preset}\``} | ${help} |`,
    );
    expect(rows("-")).toEqual(wanted);
  });

  it("metrics", () => {
    const registry = new Registry();
    createMetricsRecorder({ registry, version: "1", meshProvider: "istio" });
    createSelfMetrics(registry, { limit: 1, inFlight: 0, waiting: 0 });
    const metrics = registry.getMetricsAsArray() as unknown as readonly { name: string; labelNames: string[] }[];
    const own = metrics.filter(({ name }) => /^(flagger|aviary)_/.test(name));
    const wanted = own.map(
      ({ name, labelNames }) => `| \`${name}\` | ${labelNames.map((label) => `\`${label}\``).join(", ")} |`,
    );
    const documented = [...rows("flagger_"), ...rows("aviary_")];
    expect(documented.map((row) => row.replace(/[^|]*\|$/, ""))).toEqual(expect.arrayContaining(wanted));
    expect(wanted.length).toBe(documented.length);
  });
});
