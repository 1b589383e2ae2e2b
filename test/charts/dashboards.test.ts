/**
 * The dashboards and alerts of the chart on a real Prometheus, which reads the operator's own metrics of a release:
 * each query of a panel finds series, and each alert fires when it should and only then. Runs where Debian's
 * `prometheus` is installed.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { freePorts } from "../../sandbox/programs/ports.ts";
import { findPrometheus, startReal } from "../../sandbox/prometheus/real.ts";
import type { Phase } from "../../src/core/phases/positions.ts";
import type { Turn } from "../../src/ports/recorder.ts";
import { PROJECT_ROOT } from "../../src/project-root.ts";
import { createMetricsRecorder } from "../../src/recorders/metrics/recorder.ts";
import { aCanary } from "../../src/testing/canary.ts";
import { closed, listening } from "../e2e/harness/servers.ts";

const PATIENCE_MS = 120_000;
const FILES = join(PROJECT_ROOT, "charts/aviary/files");
const PROMETHEUS = await findPrometheus();

interface Query {
  readonly expr?: string;
}

/** Every query of a dashboard, of panels and of marks, for the canary podinfo. */
function queriesOf(name: string): readonly string[] {
  const { panels, annotations } = JSON.parse(readFileSync(join(FILES, "dashboards", name), "utf8")) as {
    readonly panels: readonly { readonly targets?: readonly Query[] }[];
    readonly annotations?: { readonly list?: readonly Query[] };
  };
  const found = [...panels.flatMap(({ targets = [] }) => targets), ...(annotations?.list ?? [])];
  const texts = found.flatMap(({ expr }) => (expr === undefined ? [] : [expr]));
  return texts.map((expr) => expr.replaceAll("$namespace", "test").replace(/\$canary|\$\{canary\}/g, "podinfo"));
}

/** What an operator tells of one turn of podinfo. */
function turn(before: Phase, phase: Phase, weight: number): Turn {
  const canary = aCanary({ status: { phase: before } });
  const answers = [
    ["request-success-rate", "success-rate", 99.5],
    ["request-duration", "duration", 40],
  ].map(([name, source, value]) => ({
    probe: { kind: "metric", metric: { name }, source, of: "canary" },
    answer: { kind: "value", value },
  }));
  return {
    canary,
    input: { observation: { answers } } as unknown as Turn["input"],
    transition: { status: { ...canary.status, phase } as Turn["transition"]["status"], events: [] },
    routes: { primary: 100 - weight, canary: weight, mirror: false },
    tookMs: 30,
  };
}

it.runIf(PROMETHEUS !== undefined)(
  "each query of the dashboards finds series of a release that is under way",
  { timeout: PATIENCE_MS },
  async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const recorder = createMetricsRecorder({ registry, version: "1.44.0", meshProvider: "istio" });
    const server = createServer((_, response) => void registry.metrics().then((text) => response.end(text)));
    const target = `${await listening(server)}/metrics`;
    const [port = 0] = await freePorts(1);
    const place = { binary: PROMETHEUS ?? "", address: "127.0.0.1", port, targets: [target] };
    const prometheus = await startReal({ ...place, scrapeIntervalMs: 200, lookbackMs: 10_000, log: () => undefined });
    const series = async (query: string): Promise<readonly unknown[]> => {
      const address = `${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`;
      const reply = await fetch(address).catch(() => undefined);
      const answer = (await reply?.json()) as { readonly data?: { readonly result?: readonly unknown[] } } | undefined;
      return answer?.data?.result ?? [];
    };
    const found = (query: string) =>
      expect
        .poll(async () => (await series(query)).length, { timeout: PATIENCE_MS, message: query })
        .toBeGreaterThan(0);
    try {
      for (const [phase, weight] of [
        ["Succeeded", 0],
        ["Failed", 0],
        ["Progressing", 20],
        ["Progressing", 40],
      ] as const) {
        recorder.record(turn(phase === "Progressing" ? "Progressing" : "Finalising", phase, weight));
        await found(`flagger_canary_weight{workload="podinfo"} == ${weight}`);
      }
      for (const name of readdirSync(join(FILES, "dashboards")))
        for (const query of queriesOf(name)) await found(query);
    } finally {
      await prometheus.stop();
      await closed(server);
    }
  },
);

interface Alert {
  readonly alert: string;
  readonly expr: string;
}

/** Series by the minute, in promtool's words, and the minute at which the alert is looked at. */
const CASES: Readonly<Record<string, { readonly fires: readonly string[]; readonly rests: readonly string[] }>> = {
  AviaryOperatorAbsent: { fires: ["up 1x200"], rests: ["flagger_info 1x200"] },
  AviaryOperatorRestarts: {
    fires: [
      'flagger_info{job="pods",instance="a"} 1x200',
      'process_start_time_seconds{job="pods",instance="a"} 0+1x200',
    ],
    rests: [
      'flagger_info{job="pods",instance="a"} 1x200',
      'process_start_time_seconds{job="pods",instance="b"} 0+1x200',
    ],
  },
  AviaryCanaryStuck: {
    fires: [
      'flagger_canary_status{name="podinfo",namespace="test"} 0x200',
      'flagger_canary_weight{workload="podinfo",namespace="test"} 20x200',
    ],
    rests: [
      'flagger_canary_status{name="podinfo",namespace="test"} 0x200',
      'flagger_canary_weight{workload="podinfo",namespace="test"} 0+1x200',
      'flagger_canary_weight{workload="other",namespace="test"} 20x200',
    ],
  },
  AviaryCanaryFailed: {
    fires: ['flagger_canary_status{name="podinfo",namespace="test"} 2x200'],
    rests: ['flagger_canary_status{name="podinfo",namespace="test"} 1x200'],
  },
  AviaryCanaryQuarantined: {
    fires: ["aviary_quarantined_canaries 1x200"],
    rests: ["aviary_quarantined_canaries 0x200"],
  },
  AviaryCanariesLeftOut: {
    fires: ['aviary_left_out_canaries{namespace="test"} 3x200'],
    rests: ["aviary_cache_left_out_objects 7x200"],
  },
};
const MINUTE = 190;

it.runIf(PROMETHEUS !== undefined)("each alert fires when it should, and only then", { timeout: PATIENCE_MS }, () => {
  const { groups } = parse(readFileSync(join(FILES, "alerts.yaml"), "utf8")) as { groups: { rules: Alert[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules);
  expect(alerts.map(({ alert }) => alert).sort()).toEqual(Object.keys(CASES).sort());
  const folder = mkdtempSync(join(tmpdir(), "alerts-"));
  try {
    const tests = alerts.flatMap(({ alert, expr }) =>
      (["fires", "rests"] as const).map((state) => ({
        name: `${alert} ${state}`,
        interval: "1m",
        input_series: CASES[alert]?.[state].map((line) => {
          const at = line.lastIndexOf(" ");
          return { series: line.slice(0, at), values: line.slice(at + 1) };
        }),
        promql_expr_test: [
          {
            ...{ expr: `count(${expr}) or vector(0)`, eval_time: `${MINUTE}m` },
            exp_samples: [{ labels: "{}", value: state === "fires" ? 1 : 0 }],
          },
        ],
      })),
    );
    const file = join(folder, "test.yaml");
    writeFileSync(file, JSON.stringify({ rule_files: [join(FILES, "alerts.yaml")], evaluation_interval: "1m", tests }));
    const promtool = join(dirname(PROMETHEUS ?? ""), "promtool");
    expect(execFileSync(promtool, ["test", "rules", file], { encoding: "utf8" })).toContain("SUCCESS");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
