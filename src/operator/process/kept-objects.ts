/** How much of each kind the operator keeps in memory, see kube/bounded-store.ts. */

import type { Ledger } from "../../kube/ledger.ts";
import type { Keeping } from "../../kube/left-out.ts";
import {
  type KubeFields,
  type KubeObject,
  metadataPart,
  RESOURCES,
  type ResourceType,
} from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";

/** Of these kinds each object counts, and no Canary names them. */
const NEEDED: ReadonlySet<ResourceType> = new Set([RESOURCES.canary, STEERING.action, STEERING.freeze]);
/**
 * Kinds whose pods a Service may select: Canaries that are new look at all of them, see workloads/copied/overlap.ts.
 */
const WORKLOADS: ReadonlySet<ResourceType> = new Set([
  RESOURCES.deployment,
  RESOURCES.daemonSet,
  RESOURCES.statefulSet,
]);

export function keptOf(type: ResourceType, ledger: Ledger): Keeping {
  const sketch = type === RESOURCES.canary ? canarySketch : WORKLOADS.has(type) ? workloadSketch : undefined;
  return { ledger, needsAll: NEEDED.has(type), ...(sketch === undefined ? {} : { sketch }) };
}

const identity = (object: KubeObject): KubeObject["metadata"] =>
  metadataPart(object, "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp");

/** The longest name of Kubernetes. Longer texts name nothing. */
const LONGEST_NAME = 253;
const nameFrom = (value: unknown): string => String(value ?? "").slice(0, LONGEST_NAME);

/** What tells who releases which target; no turn is taken with it. */
function canarySketch(canary: KubeObject): KubeObject {
  const { apiVersion, kind, name } = (canary.spec?.targetRef ?? {}) as KubeFields;
  const targetRef = { apiVersion: nameFrom(apiVersion), kind: nameFrom(kind), name: nameFrom(name) };
  const service = canary.spec?.service?.name;
  return {
    ...{ apiVersion: canary.apiVersion, kind: canary.kind, metadata: identity(canary) },
    spec: { targetRef, ...(service === undefined ? {} : { service: { name: nameFrom(service) } }) },
    status: { phase: nameFrom(canary.status?.phase) },
  };
}

/** What tells whose pods are whose. */
function workloadSketch({ apiVersion, kind, metadata, ...object }: KubeObject): KubeObject {
  const { selector, template } = (object.spec ?? {}) as KubeFields;
  const { ownerReferences } = metadata;
  return {
    ...{ apiVersion, kind },
    metadata: {
      ...identity({ apiVersion, kind, metadata }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    },
    spec: {
      selector: { matchLabels: selector?.matchLabels ?? {} },
      template: { metadata: { labels: template?.metadata?.labels ?? {} } },
    },
  };
}
