/** The adapters that the operator would choose for a Canary, as its flags have it when they are not given. */
import type { ParseOptions } from "../core/spec/parse.ts";
import type { CanarySpec } from "../core/spec/spec.ts";
import { fromWire } from "../core/status/status.ts";
import {
  type Chosen,
  chooseAdapters,
  createTables,
  parseOptionsOf,
  routerOf,
  workloadOf,
} from "../operator/adapters.ts";
import { modelFor, type NamingPorts } from "../operator/measure/query-model.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import type { Router } from "../ports/router.ts";
import type { Workload } from "../ports/workload.ts";

const TABLES = createTables();
const PARSE_OPTIONS = parseOptionsOf(TABLES);
const NO_STATUS = fromWire(undefined, { intervalMs: 0, iterations: 0, weights: [], mirror: false });

/** What the adapters say about a spec. */
export const { rules: SPEC_RULES } = PARSE_OPTIONS;

/** How the operator reads a spec. @param meshProvider its flag; absent: the flag is not set */
export const parseOptions = (meshProvider = PARSE_OPTIONS.meshProvider): ParseOptions => ({
  ...PARSE_OPTIONS,
  meshProvider,
});

/** The kinds of target. */
export const { workloads: TARGETS } = TABLES;

/** The kind of a target that can be released. */
export const targetOf = (spec: CanarySpec): Workload | undefined => workloadOf(TARGETS, spec.targetRef);

/** The router of a provider; undefined for an unknown one. */
export const routerFor = ({ provider }: CanarySpec): Router | undefined => routerOf(TABLES.routers, provider);

/** A Canary with a valid spec, before its first turn. */
export function newCanary({ metadata }: KubeObject, spec: CanarySpec) {
  const { name, namespace = "default" } = metadata;
  const known = { uid: "", generation: 1, resourceVersion: "", deleting: false, finalizers: [] };
  return { ref: { name, namespace }, ...known, spec, status: NO_STATUS };
}

/** @returns a problem for a Canary that the operator refuses, though its spec is valid */
export const adaptersFor = (wire: KubeObject, spec: CanarySpec): Chosen =>
  chooseAdapters(newCanary(wire, spec), TABLES);

export type ReadObject = NamingPorts["read"];

/**
 * What the operator renders the queries of one version from. Some kinds of target say themselves by which name their
 * metrics are found.
 * @returns why that object cannot be read
 */
export const modelOf = (
  canary: Parameters<typeof modelFor>[0],
  of: "canary" | "primary",
  metric: Parameters<typeof modelFor>[2],
  read: ReadObject,
  signal: AbortSignal,
) => modelFor(canary, { of }, metric, { workloads: TARGETS, read }, signal);
