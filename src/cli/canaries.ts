/** Canaries of files, judged as they will be when they are applied: for commands that tell what one would do. */

import { applyDefaults, crdSchema, unknownFields, validate } from "../../sandbox/api-server/schema/index.ts";
import type { CanarySpec } from "../core/canary.ts";
import { DEFAULT_PARSE_OPTIONS, parseSpec } from "../core/parse.ts";
import { type Capabilities, type Plan, planFor } from "../core/plan.ts";
import { fromWire } from "../core/status.ts";
import { canaryCrd } from "../crd/index.ts";
import { chooseAdapters } from "../operator/adapters.ts";
import { apiVersionOf, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { createRouters } from "../routers/table.ts";
import { createServicesRouter } from "../services/services.ts";
import { createAutoscalers } from "../workloads/autoscalers.ts";
import { createWorkloads } from "../workloads/table.ts";
import { UserError } from "./command.ts";
import { isMetAtOnce } from "./plan-text.ts";

export interface Planned {
  readonly name: string;
  readonly spec: CanarySpec;
  readonly plan: Plan;
  /** What does not count, though it stands there. */
  readonly notes: readonly string[];
}

/** Refused for what the API server would refuse, and for what the operator would. @throws UserError */
export function planned(wire: KubeObject, meshProvider: string): Planned {
  const { namespace = "default" } = wire.metadata;
  const name = `${wire.metadata.name}.${namespace}`;
  const apiVersion = apiVersionOf(RESOURCES.canary);
  if (wire.apiVersion !== apiVersion) {
    throw new UserError(`${name}: apiVersion must be ${apiVersion}, found ${wire.apiVersion}`);
  }
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
  const { capabilities } = chosen.adapters.router;
  const dropped = unknown.map((path) => `${path} is no field of a Canary: the API server drops it`);
  return { name, spec, plan: planFor(spec, capabilities), notes: [...dropped, ...ignored(spec, capabilities)] };
}

/** What a provider cannot do, and nobody else says. */
function ignored(spec: CanarySpec, { mirror, sessionAffinity }: Capabilities): readonly string[] {
  const { analysis, provider } = spec;
  const without = (field: string) => `spec.analysis.${field} does not count on the provider ${provider}`;
  return [
    ...(analysis.mirror && !mirror ? [without("mirror")] : []),
    ...(analysis.sessionAffinity !== undefined && !sessionAffinity ? [without("sessionAffinity")] : []),
    ...(isMetAtOnce(spec)
      ? [`on the provider ${provider}, all users meet a change of Service ${spec.targetRef.name} at once: use a mesh`]
      : []),
  ];
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
