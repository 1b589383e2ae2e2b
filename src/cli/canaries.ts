/** Canaries of files, judged as they will be when they are applied: for commands that tell what one would do. */

import { applyDefaults, crdSchema, unknownFields, validate } from "../../sandbox/api-server/schema/index.ts";
import { type Capabilities, type Plan, planFor } from "../core/plan/plan.ts";
import { type Doubt, doubtsOf, doubtText } from "../core/spec/doubts.ts";
import { didYouMean } from "../core/spec/nearest.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { CanarySpec } from "../core/spec/spec.ts";
import { canaryCrd } from "../crd/index.ts";
import { apiVersionOf, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { SELECTOR_LABELS } from "../workloads/table.ts";
import { adaptersFor, newCanary, parseOptions, SPEC_RULES } from "./adapters.ts";
import { UserError } from "./command.ts";
import { type Given, readGiven } from "./given.ts";
import { isMetAtOnce } from "./plan-text.ts";

export interface Planned {
  readonly name: string;
  readonly spec: CanarySpec;
  readonly plan: Plan;
  /** What does not count, though it stands there. */
  readonly notes: readonly string[];
  /** What cannot be meant. */
  readonly doubts: readonly Doubt[];
}

/** Refused for what the API server would refuse, and for what the operator would. @throws UserError with the first */
export function planned(wire: KubeObject, meshProvider: string, given = NOTHING_GIVEN): Planned {
  const examined = examine(wire, meshProvider, given);
  if (examined.kind === "refused") throw new UserError(`${nameOf(wire)}: ${examined.problems[0]}`);
  return examined.planned;
}

export type Examined =
  | { readonly kind: "planned"; readonly planned: Planned }
  /** At least one; each names the field, what is wrong with it and what to do. */
  | { readonly kind: "refused"; readonly problems: readonly string[] };

const nameOf = ({ metadata }: KubeObject): string => `${metadata.name}.${metadata.namespace ?? "default"}`;

/**
 * The manifests that Canaries are planned or linted with: a Canary may be refused because of another object in them.
 */
export const givenManifests = (manifests: readonly KubeObject[]): Given => readGiven(manifests, SELECTOR_LABELS);

/** Everything that would be refused, at once. */
export function examine(wire: KubeObject, meshProvider: string, given = NOTHING_GIVEN): Examined {
  const refused = (...problems: readonly string[]): Examined => ({ kind: "refused", problems });
  const { namespace = "default" } = wire.metadata;
  const apiVersion = apiVersionOf(RESOURCES.canary);
  if (wire.apiVersion !== apiVersion) return refused(`apiVersion must be ${apiVersion}, found ${wire.apiVersion}`);
  const schema = canarySchema();
  const errors = validate(schema, applyDefaults(schema, wire));
  if (errors.length > 0) {
    return refused(...errors.map((error) => `the API server would refuse it: ${refusalText(error)}`));
  }
  const parsed = parseSpec(wire.spec, namespace, parseOptions(meshProvider));
  if (parsed.kind === "invalid") return refused(parsed.problem);
  const { spec } = parsed;
  const chosen = adaptersFor(wire, spec);
  if (chosen.kind === "problem") return refused(chosen.detail);
  const clashes = given.problems(newCanary(wire, spec), chosen.adapters);
  if (clashes.length > 0) return refused(...clashes);
  const unknown = unknownFields(schema, wire).filter((path) => path.startsWith("spec."));
  const { capabilities } = chosen.adapters.router;
  const dropped = unknown.map((path) => {
    const hint = didYouMean(lastOf(path), fieldNames(SCHEMA));
    return `${path} is no field of a Canary: the API server drops it${hint}`;
  });
  const plan = planFor(spec, capabilities);
  const notes = [...dropped, ...replaced(spec, plan), ...ignored(spec, capabilities)];
  return { kind: "planned", planned: { name: nameOf(wire), spec, plan, notes, doubts: doubtsOf(spec, SPEC_RULES) } };
}

/** A line for each mistake with which no release succeeds. */
export const hopelessOf = ({ name, doubts }: Planned): readonly string[] =>
  doubts.filter(({ always }) => always).map((doubt) => `${name}: ${doubtText(doubt)}`);

const lastOf = (path: string): string => path.split(/[.[]/).at(-1) ?? path;

/** Every name of a field that occurs in a schema. */
function fieldNames(schema: unknown): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties = {}, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
  const below = [...Object.values(properties), items].flatMap(fieldNames);
  return [...new Set([...Object.keys(properties), ...below])];
}

/** The strategy that is run instead of the one that is written. */
function replaced({ analysis, strategy, provider }: CanarySpec, plan: Plan): readonly string[] {
  if (strategy === plan.strategy) return [];
  const fields = (["match", "stepWeight", "stepWeights", "maxWeight", "stepWeightPromotion"] as const).filter(
    (name) => {
      const value = analysis[name];
      return typeof value === "number" ? value > 0 : value.length > 0;
    },
  );
  const counts = fields.length === 1 ? "does not count" : "do not count";
  const left = fields.length === 0 ? "" : `: spec.analysis.${listed(fields)} ${counts}`;
  return [`the provider ${provider} cannot split traffic, so the release runs as blue/green${left}`];
}

const listed = (words: readonly string[]): string =>
  [words.slice(0, -1).join(", "), ...words.slice(-1)].filter((part) => part !== "").join(" and ");

/** What a provider cannot do, and no other message says. */
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

/** The API server's own words, and what to do about those that do not help. */
export function refusalText({ path, message }: { readonly path: string; readonly message: string }): string {
  if (message.includes('"spec.analysis" must validate one and only one schema')) {
    return `${message}: give interval, threshold and one of stepWeight, stepWeights and iterations`;
  }
  if (message.includes('"spec" must validate one and only one schema')) {
    return `${message}: give one of spec.address and spec.secretRef`;
  }
  if (/should match '.*\^https\?:/.test(message)) {
    return `${path}: ${message}: give the whole address, beginning with http:// or https://`;
  }
  const [, word, values = ""] = /Unsupported value: "(.*?)": supported values: (.*)$/.exec(message) ?? [];
  const known = [...values.matchAll(/"(.*?)"/g)].map(([, value = ""]) => value);
  const hint = word === undefined ? "" : didYouMean(word, known);
  return `${path === "<nil>" ? message : `${path}: ${message}`}${hint}`;
}

const NOTHING_GIVEN: Given = { problems: () => [] };

const { versions } = canaryCrd().spec as { versions: { schema: { openAPIV3Schema: unknown } }[] };
const SCHEMA = versions[0]?.schema.openAPIV3Schema;
const canarySchema = () => crdSchema(SCHEMA);
