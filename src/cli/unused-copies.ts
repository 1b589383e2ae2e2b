/** Copies of ConfigMaps and Secrets that no workload reads any more (ADR 0016): found for people, who decide. */
import type { KubeObject } from "../ports/kubernetes.ts";
import { configKey, configRefs } from "../workloads/config-tracking/references.ts";

const PREVIOUS = "-previous";

/**
 * @param configs ConfigMaps and Secrets of the Canary's namespace
 * @param workloads objects with a pod template there
 * @returns "configmap/app-abc-primary", by name: made for this Canary alone, and read by no workload
 */
export function unusedCopies(
  canary: KubeObject,
  configs: readonly KubeObject[],
  workloads: readonly KubeObject[],
): readonly string[] {
  const read = new Set(workloads.flatMap(({ spec }) => configRefs(spec?.template).map(configKey)));
  const ownedAlone = ({ metadata: { ownerReferences = [] } }: KubeObject) =>
    ownerReferences.length === 1 && ownerReferences.every(({ uid }) => uid === canary.metadata.uid);
  const keyOf = ({ kind, metadata: { name } }: KubeObject) =>
    configKey({ kind: kind === "Secret" ? "secret" : "configmap", name });
  // What is kept for a failed promotion lives as long as the copy beside it.
  const isRead = (key: string) => read.has(key) || (key.endsWith(PREVIOUS) && read.has(key.slice(0, -PREVIOUS.length)));
  return configs
    .filter(ownedAlone)
    .map(keyOf)
    .filter((key) => /-primary(-previous)?$/.test(key) && !isRead(key))
    .sort();
}

/** What `aviary describe` prints below a Canary; empty when there are none. */
export function describeUnusedCopies(names: readonly string[], namespace: string): string {
  if (names.length === 0) return "";
  return (
    `Unused Copies:  ${names.join(", ")}\n` +
    `  No workload reads them any more. They go with the Canary, or now: kubectl delete -n ${namespace} ${names.join(" ")}\n`
  );
}
