/**
 * The rights that the operator needs at the API server, by kind. `npm run rbac` makes the roles in deploy/ and in the
 * chart of this table. Tests compare the roles with the table, and with the requests that the operator really sends.
 */
import { METRIC_RIGHTS } from "../metrics/table.ts";
import { RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Rule } from "../ports/rights.ts";
import type { Router } from "../ports/router.ts";
import { STEERING } from "../ports/steering.ts";
import type { Workload } from "../ports/workload.ts";
import type { AdapterTables } from "./adapters.ts";

/** The rules of the roles, by who needs them. */
export interface Rights {
  /** Of the Lease, in its own namespace. */
  readonly leader: readonly Rule[];
  /** With every provider. */
  readonly common: readonly Rule[];
  /** Optional: without the right the operator names less in its messages. */
  readonly optional: readonly Rule[];
  /** Only with configs that are tracked, or with credentials of metric and alert providers. */
  readonly secrets: readonly Rule[];
  readonly providers: Readonly<Record<string, readonly Rule[]>>;
}

/** Objects are read from caches, which list and watch. */
const READ = ["list", "watch"];
/**
 * Objects are created and patched, and hardly any is deleted: Kubernetes deletes what the operator made with its owner,
 * the Canary.
 */
const MAKE = [...READ, "create", "patch"];
/** Copies of autoscalers are deleted, too, because two of them must not scale one primary. */
const REPLACE = [...MAKE, "delete"];
/** Records of runs are written and counted, and never watched. */
const RECORD = ["get", "list", "create", "patch", "delete"];
const CHANGE = [...READ, "patch"];
/**
 * Some objects are read by name, beside the caches: the contents of ConfigMaps and Secrets, the Lease, a run's record.
 */
const GET = "get";
const LEASE = [GET, ...READ, "create", "update"];

const rule = (types: readonly ResourceType[], verbs: readonly string[]): Rule => ({
  apiGroups: [types[0]?.group ?? ""],
  resources: types.map(({ plural }) => plural),
  verbs,
});

const { canary, metricTemplate, alertProvider, deployment, daemonSet, statefulSet } = RESOURCES;
const FLAGGER = [canary.group];

const COMMON: readonly Rule[] = [
  rule([RESOURCES.event], ["create", "patch"]),
  rule([RESOURCES.configMap], [GET, ...MAKE]),
  rule([RESOURCES.service], MAKE),
  // The Lease may be in another namespace than the operator.
  rule([RESOURCES.lease], LEASE),
  rule([daemonSet, deployment, statefulSet], MAKE),
  rule([RESOURCES.hpa], REPLACE),
  rule([RESOURCES.scaledObject], REPLACE),
  rule([canary], CHANGE),
  { apiGroups: FLAGGER, resources: ["canaries/status"], verbs: ["patch"] },
  // Clusters that enforce the permission of owners ask for it: copies are owned by their Canary.
  { apiGroups: FLAGGER, resources: ["canaries/finalizers"], verbs: ["update"] },
  rule([metricTemplate, alertProvider], READ),
  rule([STEERING.action, STEERING.freeze], READ),
  { apiGroups: [STEERING.action.group], resources: ["canaryactions/status"], verbs: ["patch"] },
  // Actions are deleted an hour after they were answered.
  rule([STEERING.action], ["delete"]),
  // The oldest records of a Canary are deleted.
  rule([STEERING.run], RECORD),
  ...METRIC_RIGHTS,
  { nonResourceURLs: ["/version"], verbs: ["get"] },
];

/** Messages name the pods that do not start, or why there are none. */
const OPTIONAL: readonly Rule[] = [rule([RESOURCES.pod, RESOURCES.event], ["list"])];

/** The rights that an operator with these adapters needs. */
export function rightsOf({ routers, workloads }: Pick<AdapterTables, "routers" | "workloads">): Rights {
  return {
    leader: [rule([RESOURCES.lease], LEASE)],
    common: COMMON,
    optional: OPTIONAL,
    secrets: [rule([RESOURCES.secret], [GET, ...MAKE])],
    providers: Object.fromEntries(
      [...routers].map(([name, router]) => [name, [...rulesOf(router), ...rulesOfTargets(name, workloads)]]),
    ),
  };
}

/** What the targets of one provider ask beside its router. */
function rulesOfTargets(provider: string, workloads: readonly Workload[]): readonly Rule[] {
  return workloads.flatMap(({ beside }) => (beside?.provider === provider ? [rule(beside.kinds, READ)] : []));
}

/** All of it in one role, each rule once. */
export function allRules({ common, optional, secrets, providers }: Rights): readonly Rule[] {
  const rules = [...common, ...optional, ...secrets, ...Object.values(providers).flat()];
  return [...new Map(rules.map((one) => [JSON.stringify(one), one])).values()];
}

function rulesOf({ kinds }: Router): readonly Rule[] {
  const groups = new Map<string, ResourceType[]>();
  for (const { type, changesOnly } of kinds) {
    const key = `${type.group} ${changesOnly === true}`;
    groups.set(key, [...(groups.get(key) ?? []), type]);
  }
  return [...groups].map(([key, types]) => rule(types, key.endsWith(" true") ? CHANGE : MAKE));
}
