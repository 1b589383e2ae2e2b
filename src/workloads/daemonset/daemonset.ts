/** DaemonSets: scaled down by a node selector that no node matches, because they have no replicas to set to zero. */
import { isDeepStrictEqual } from "node:util";
import { hashPodTemplate, SCALE_TO_ZERO_SELECTOR } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { PodSpec, WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Workload, WorkloadOptions } from "../../ports/workload.ts";
import { createCopiedWorkload } from "../copied/copied.ts";
import type { CopiedKind } from "../copied/kind.ts";
import { daemonSetHasGap } from "../gap.ts";
import { daemonSetReadiness } from "./readiness.ts";

const DAEMON_SET: CopiedKind = {
  type: RESOURCES.daemonSet,
  copiedFields: ["minReadySeconds", "revisionHistoryLimit", "updateStrategy"],
  hash: (template) => hashPodTemplate(template, { daemonSet: true }),
  refusal,
  readiness: daemonSetReadiness,
  hasGap: (primary, target) =>
    daemonSetHasGap(target.spec?.updateStrategy, primary.status?.desiredNumberScheduled ?? 1),
  // The controller takes pods off nodes that the new template does not admit, under every update strategy.
  moves: (from, to) => !isDeepStrictEqual(placementOf(from), placementOf(to)),
  // Misspelled as in Flagger: existing alerts look for these words (Q62).
  wrap: (which, name, namespace, detail, stuck) =>
    which === "primary"
      ? `primary daemonset ${name}.${namespace} not ready: ${detail}`
      : `canary damonset ${name}.${namespace} not ready with retryable ${!stuck}: ${detail}`,
  // The node selector of a scaled-down target must not reach the primary, which would then run on no node (Q61).
  primaryPodSpec: withoutScaleDown,
  available: (object) => object.status?.numberAvailable ?? 0,
  isScaledDown: (object) => object.spec?.template?.spec?.nodeSelector?.[SCALE_TO_ZERO_SELECTOR] !== undefined,
  scaledDown: (target) =>
    withPodSpec(target, (podSpec) => ({
      ...podSpec,
      nodeSelector: { ...podSpec.nodeSelector, [SCALE_TO_ZERO_SELECTOR]: "true" },
    })),
  scaledUp: (target) => withPodSpec(target, withoutScaleDown),
  reverted: (target) => withPodSpec(target, withoutScaleDown),
  emptied,
  unplaced,
  podless,
  primaryReplicas: () => ({}),
  revival: ({ name }) => `you remove the node selector that keeps DaemonSet ${name} down`,
  inputs: () => [],
};

export function createDaemonSetWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(DAEMON_SET, options);
}

/** No node takes a pod of the primary, though nodes have pods of the target. */
function emptied(primary: WorkloadObject, target: WorkloadObject): string | undefined {
  if (!isAlone(target, primary)) return undefined;
  const { name, namespace } = primary.metadata;
  return (
    "no node takes its pods, though nodes have pods of the target: give it back the nodeSelector, affinity and " +
    `tolerations of daemonset/${target.metadata.name} with kubectl edit daemonset/${name} -n ${namespace}`
  );
}

/** A revision that no node takes would be promoted without a single pod, and its share of the requests refused. */
function unplaced(target: WorkloadObject, primary: WorkloadObject | undefined): string | undefined {
  if (primary === undefined || DAEMON_SET.isScaledDown(target) || !isAlone(primary, target)) return undefined;
  return "no node takes its pods: look at the nodeSelector, affinity and tolerations of its template";
}

/** For Kubernetes such a revision is rolled out: no user can meet it, and pods of it start when a node fits. */
function podless(target: WorkloadObject, primary: WorkloadObject | undefined): string | undefined {
  const isUp = !DAEMON_SET.isScaledDown(target) && isNodeless(target);
  if (!isUp || (primary !== undefined && DAEMON_SET.available(primary) > 0)) return undefined;
  const { name, namespace } = target.metadata;
  return (
    `no node takes pods of daemonset ${name}.${namespace}, and its primary has none: the revision is released without a ` +
    "pod that could be tested; look at the nodes, and at the nodeSelector, affinity and tolerations of its template"
  );
}

/** One has pods, and no node takes those of the other. Without any fitting node in the cluster neither has. */
const isAlone = (one: WorkloadObject, other: WorkloadObject): boolean =>
  isNodeless(other) && DAEMON_SET.available(one) > 0;

/** Its controller has found no node for the pods. What it said of an earlier spec does not count. */
const isNodeless = ({ metadata, status }: WorkloadObject): boolean =>
  status?.desiredNumberScheduled === 0 && (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);

/** Under `OnDelete` a promotion would never replace a pod. */
function refusal({ metadata, spec }: WorkloadObject): string | undefined {
  const strategy = spec?.updateStrategy?.type || "RollingUpdate";
  if (strategy === "RollingUpdate") return undefined;
  // Flagger checks this whenever it makes sure that there is a primary.
  const what = `createPrimaryDaemonSet failed: daemonset ${metadata.name}.${metadata.namespace ?? ""}`;
  return `${what} must have RollingUpdate strategy but have ${strategy}: set its spec.updateStrategy.type`;
}

function withoutScaleDown(podSpec: PodSpec): PodSpec {
  if (podSpec.nodeSelector?.[SCALE_TO_ZERO_SELECTOR] === undefined) return podSpec;
  const { nodeSelector, ...rest } = podSpec;
  const { [SCALE_TO_ZERO_SELECTOR]: _down, ...own } = nodeSelector;
  return Object.keys(own).length === 0 ? rest : { ...rest, nodeSelector: own };
}

/** What decides on which nodes the pods run. */
function placementOf(podSpec: PodSpec): unknown {
  const { nodeSelector, nodeName, tolerations, affinity } = withoutScaleDown(podSpec);
  return [nodeSelector ?? {}, nodeName ?? "", tolerations ?? [], affinity?.["nodeAffinity"] ?? {}];
}

function withPodSpec(object: WorkloadObject, change: (podSpec: PodSpec) => PodSpec): WorkloadObject {
  const { spec } = object;
  return { ...object, spec: { ...spec, template: { ...spec?.template, spec: change(spec?.template?.spec ?? {}) } } };
}
