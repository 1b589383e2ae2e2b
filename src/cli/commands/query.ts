/** `aviary query`: renders the query of a check, asks it, and says whether the value would pass. */

import { parseSpec } from "../../core/spec/parse.ts";
import { failureOf, limitsOf } from "../../core/turn/checks.ts";
import type { Probe } from "../../core/turn/observation.ts";
import { metricProbes } from "../../core/turn/probes.ts";
import { measure } from "../../operator/measure/metric-check.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { systemClock } from "../../time/system-clock.ts";
import { parseOptions, TARGETS } from "../adapters.ts";
import { asUserError, connectCluster } from "../cluster.ts";
import { coloured } from "../colour.ts";
import { alignColumns } from "../columns.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions } from "../options.ts";
import { limitText } from "../steer/limits.ts";
import { CANARY_OPTIONS } from "../steer/options.ts";
import { canaryAndWord, canaryOf } from "../steer/seen.ts";

const OPTIONS = {
  of: { type: "string", preset: "canary", help: "canary, or primary: whose requests the built-in checks look at" },
  "metrics-server": {
    type: "string",
    preset: "http://prometheus:9090",
    help: "Prometheus, as this machine reaches it",
  },
  "mesh-provider": { type: "string", preset: DEFAULT_PROVIDER, help: "the operator's -mesh-provider" },
  ...OUTPUT,
  ...CANARY_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const queryCommand: Command = {
  help: `Usage: aviary query canary/NAME [CHECK] [OPTIONS]

Renders the queries of a Canary's checks, of its MetricTemplates, too, asks them from this machine, and prints value and verdict.
Credentials are read with your rights. Exit code 1 when a check does not pass.

Examples:
  aviary query canary/podinfo -n test --metrics-server http://localhost:9090
  aviary query canary/podinfo error-rate -n test -o json

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    const of = oneOf(options, "of", ["canary", "primary"]) as "canary" | "primary";
    const { name, word: check } = canaryAndWord(options.words);
    const client = await connectCluster(options, env);
    const ref = { namespace: options.text("namespace") ?? client.namespace, name };
    try {
      const object = await canaryOf(client, ref, signal);
      const parsed = parseSpec(object.spec, ref.namespace, parseOptions());
      if (parsed.kind === "invalid") throw new UserError(`${name}.${ref.namespace} is refused: ${parsed.problem}`);
      const { spec } = parsed;
      const probes = metricProbes(spec).filter(({ metric }) => check === undefined || metric.name === check);
      if (probes.length === 0) throw new UserError(noCheck(name, check, spec.analysis.metrics));
      const ports = {
        metricsServer: options.text("metrics-server") ?? "",
        meshProvider: options.text("mesh-provider") ?? "",
        ...{ log: SILENT_LOG, clock: systemClock, workloads: TARGETS },
        read: client.kube.get,
      };
      const rows = [];
      for (const probe of probes) rows.push(await asked({ ...probe, of }, { ref, spec }, ports, signal));
      if (asJson) out(`${JSON.stringify(rows, null, 2)}\n`);
      else out(`${textOf(rows, coloured(env))}\n`);
      if (rows.some(({ detail = "" }) => UNREACHED.test(detail))) err(REACH);
      return rows.every(({ passed }) => passed) ? 0 : 1;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

type Measured = Parameters<typeof measure>[0];
type Ports = Parameters<typeof measure>[2];

interface Row {
  readonly check: string;
  readonly query?: string;
  readonly value?: number;
  readonly min?: number;
  readonly max?: number;
  readonly passed: boolean;
  /** Why it does not pass. */
  readonly detail?: string;
}

async function asked(
  probe: Extract<Probe, { kind: "metric" }>,
  canary: Measured,
  ports: Ports,
  signal: AbortSignal,
): Promise<Row> {
  const answer = await measure(canary, probe, ports, signal);
  const detail = failureOf({ probe, answer }, canary.ref);
  const query = "query" in answer ? answer.query : undefined;
  return {
    check: probe.metric.name,
    ...(query === undefined ? {} : { query }),
    ...(answer.kind === "value" ? { value: answer.value } : {}),
    ...limitsOf(probe.metric, probe.source),
    passed: detail === undefined,
    ...(detail === undefined ? {} : { detail }),
  };
}

function noCheck(name: string, check: string | undefined, metrics: readonly { readonly name: string }[]): string {
  if (check === undefined) return `canary/${name} has no metrics to ask`;
  return `canary/${name} has no metric "${check}"; it has ${metrics.map((metric) => metric.name).join(", ") || "none"}`;
}

/** The cluster's own names and addresses mean nothing to a laptop. */
const UNREACHED = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|no connection within/;
const REACH =
  "This machine does not reach the metrics server by that address. Forward a port to the server (kubectl port-forward), " +
  "and give --metrics-server http://localhost:PORT; a MetricTemplate has an address of its own.\n";

/** The query itself stands below the table. */
const withoutQuery = (detail: string): string => detail.replace(/\?query=[^"\s]*/g, "?query=…");

function textOf(rows: readonly Row[], paint: ReturnType<typeof coloured>): string {
  const table = rows.map(({ check, value, min, max, passed, detail }) => {
    const limits = limitText({ min, max });
    return [check, value ?? "no value", limits, passed ? "pass" : "fail", withoutQuery(detail ?? "")].join("\t");
  });
  const lines = alignColumns(["CHECK\tVALUE\tLIMIT\tVERDICT\tWHY", ...table])
    .split("\n")
    .map(paint.states);
  const queries = rows.flatMap(({ check, query }) => (query === undefined ? [] : [`${check}: ${query}`]));
  return [...lines, ...queries].join("\n");
}
