/** Shows what a Canary will go through, before it is applied. */
import type { CanarySpec } from "../../core/canary.ts";
import { canaryCrd } from "../../core/crd/index.ts";
import { DEFAULT_PARSE_OPTIONS, parseSpec } from "../../core/parse.ts";
import { type Plan, planFor } from "../../core/plan.ts";
import { fromWire } from "../../core/status.ts";
import { chooseAdapters } from "../../operator/adapters.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { createServicesRouter } from "../../routers/services/services.ts";
import { createRouters } from "../../routers/table.ts";
import { applyDefaults, crdSchema, unknownFields, validate } from "../../sandbox/api-server/schema/index.ts";
import { createAutoscalers } from "../../workloads/autoscalers.ts";
import { createWorkloads } from "../../workloads/table.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { planText } from "../plan-text.ts";
import { readManifests } from "./apply.ts";

const OPTIONS = {
  "mesh-provider": { type: "string", preset: "istio", help: "provider of Canaries that name none" },
  output: { type: "string", short: "o", preset: "text", help: "text or json" },
} as const satisfies Record<string, OptionSpec>;

export const planCommand: Command = {
  help: `Usage: aviary plan FILE|FOLDER... [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  run({ argv, out }) {
    const options = readOptions(argv, OPTIONS);
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary", 2);
    const canaries = readManifests(options.words).filter(({ kind }) => kind === "Canary");
    if (canaries.length === 0) throw new UserError(`there is no Canary in ${options.words.join(", ")}`);
    const meshProvider = options.text("mesh-provider") ?? "istio";
    const plans = canaries.map((canary) => planned(canary, meshProvider));
    const asJson = options.text("output") === "json";
    const shown = plans.map(({ name, spec, plan, notes }) =>
      asJson
        ? { ...plan, name, strategy: spec.strategy, intervalMs: spec.analysis.intervalMs, notes }
        : planText(name, spec, plan, notes),
    );
    out(asJson ? `${JSON.stringify(shown, null, 2)}\n` : shown.join("\n"));
    return Promise.resolve(0);
  },
};

interface Planned {
  readonly name: string;
  readonly spec: CanarySpec;
  readonly plan: Plan;
  /** What does not count, though it stands there. */
  readonly notes: readonly string[];
}

/** Refused for what the API server would refuse, and for what the operator would. */
function planned(wire: KubeObject, meshProvider: string): Planned {
  const { namespace = "default" } = wire.metadata;
  const name = `${wire.metadata.name}.${namespace}`;
  const schema = canarySchema();
  const [error] = validate(schema, applyDefaults(schema, wire));
  if (error !== undefined) throw new UserError(`${name}: the API server would refuse it: ${refusalText(error)}`);
  const parsed = parseSpec(wire.spec, namespace, { ...DEFAULT_PARSE_OPTIONS, meshProvider });
  if (parsed.kind === "invalid") throw new UserError(`${name}: ${parsed.problem}`);
  const { spec } = parsed;
  const status = fromWire(undefined, { intervalMs: 0, iterations: 0, weights: [], mirror: false });
  const ref = { name: wire.metadata.name, namespace };
  const canary = { ref, uid: "", generation: 1, resourceVersion: "", deleting: false, finalizers: [], spec, status };
  const chosen = chooseAdapters(canary, TABLES);
  if (chosen.kind === "problem") throw new UserError(`${name}: ${chosen.detail}`);
  const unknown = unknownFields(schema, wire).filter((path) => path.startsWith("spec."));
  const notes = unknown.map((path) => `${path} is no field of a Canary: the API server drops it`);
  return { name, spec, plan: planFor(spec, chosen.adapters.router.capabilities), notes };
}

/** The API server's own words, and what to do about those that help nobody. */
function refusalText({ path, message }: { readonly path: string; readonly message: string }): string {
  if (message.includes('"spec.analysis" must validate one and only one schema')) {
    return `${message}: give interval, threshold and one of stepWeight, stepWeights and iterations`;
  }
  return path === "<nil>" ? message : `${path}: ${message}`;
}

/** What has no say in which steps are taken has any value. */
const WORKLOADS = { selectorLabels: [], includeLabelPrefixes: [], configTracking: true };
const TABLES = {
  routers: createRouters({ setOwnerRefs: true }),
  workloads: createWorkloads(WORKLOADS),
  autoscalers: createAutoscalers(WORKLOADS),
  services: createServicesRouter(),
};

function canarySchema() {
  const { versions } = canaryCrd().spec as { versions: { schema: { openAPIV3Schema: unknown } }[] };
  return crdSchema(versions[0]?.schema.openAPIV3Schema);
}
