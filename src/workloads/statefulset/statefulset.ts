/**
 * StatefulSets whose pods have names but no volumes of their own (docs/adr/0003-statefulset.md): the primary is a
 * separate set with its own headless Service, through which its pods find each other.
 */
import { hashPodTemplate } from "../../go/hash/hash.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { Workload, WorkloadOptions } from "../../ports/workload.ts";
import { createCopiedWorkload } from "../copied/copied.ts";
import type { CopiedKind } from "../copied/kind.ts";
import { statefulSetHasGap } from "../gap.ts";
import { rewriteForPrimary } from "../pod-spec.ts";
import { BY_REPLICAS } from "../replicas.ts";
import { HOSTS_SERVICE, hostsServiceName } from "./hosts.ts";
import { statefulSetReadiness } from "./readiness.ts";

const STATEFUL_SET: CopiedKind = {
  ...BY_REPLICAS,
  type: RESOURCES.statefulSet,
  copiedFields: ["minReadySeconds", "revisionHistoryLimit", "updateStrategy"],
  hash: (template) => hashPodTemplate(template),
  refusal,
  readiness: statefulSetReadiness,
  hasGap: (primary, target) =>
    statefulSetHasGap(target.spec?.updateStrategy, primary.spec?.replicas ?? 1, BY_REPLICAS.available(primary)),
  wrap: (which, name, namespace, detail) =>
    which === "primary"
      ? `primary statefulset ${name}.${namespace} not ready: ${detail}`
      : `canary statefulset ${name}.${namespace} not ready: ${detail}`,
  primaryPodSpec: (podSpec, target, selectorLabels) =>
    rewriteForPrimary(podSpec, { targetName: target.metadata.name, selectorLabels }),
  fixedSpec: (target) => ({
    ...(target.spec?.serviceName ? { serviceName: hostsServiceName(target) } : {}),
    ...(target.spec?.ordinals === undefined ? {} : { ordinals: target.spec.ordinals }),
    // Under OrderedReady a pod that cannot start blocks its own replacement, so a failed promotion could not be rolled
    // back.
    podManagementPolicy: "Parallel",
  }),
  companions: HOSTS_SERVICE,
};

export function createStatefulSetWorkload(options: WorkloadOptions): Workload {
  return createCopiedWorkload(STATEFUL_SET, options);
}

function refusal({ metadata, spec = {} }: WorkloadObject): string | undefined {
  const what = `statefulset ${metadata.name}.${metadata.namespace ?? ""}`;
  if ((spec.volumeClaimTemplates ?? []).length > 0) {
    return (
      `${what} has volumeClaimTemplates: its primary copy would start with empty volumes and serve users without their ` +
      "data; release it without a Canary, or move the data out of the pods"
    );
  }
  const { type = "RollingUpdate", rollingUpdate } = spec.updateStrategy ?? {};
  if (type !== "RollingUpdate") {
    return `${what} must have RollingUpdate strategy but have ${type}: set its spec.updateStrategy.type`;
  }
  const { partition = 0 } = rollingUpdate ?? {};
  if (partition > 0) {
    return `${what} has a rollingUpdate.partition of ${partition}: its update would never finish, remove it`;
  }
  return undefined;
}
