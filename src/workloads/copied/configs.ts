/** ConfigMaps and Secrets of a target as a turn sees them: part of the revision, and copied for the primary. */
import type { Canary, Revision } from "../../core/canary.ts";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { primaryConfig } from "../config-tracking/primary.ts";
import { configRefs } from "../config-tracking/references.ts";
import { checksumsOf, missingConfig, type TrackedConfigs, trackedConfigs } from "../config-tracking/tracking.ts";
import { primaryNameOf } from "../metadata.ts";

export type ConfigsRead =
  | { readonly kind: "problem"; readonly detail: string }
  | {
      readonly kind: "configs";
      readonly tracked: TrackedConfigs;
      /** The primary's copies as they should be. */
      readonly copies: readonly KubeObject[];
    };

const NOTHING: ConfigsRead = { kind: "configs", tracked: { configs: new Map(), missing: [] }, copies: [] };

export function readConfigs(canary: Canary, target: KubeObject, seen: Snapshot, options: WorkloadOptions): ConfigsRead {
  if (!options.configTracking) return NOTHING;
  const { namespace } = canary.ref;
  const lookup = (kind: "configmap" | "secret", name: string) =>
    seen.get({ type: kind === "configmap" ? RESOURCES.configMap : RESOURCES.secret, namespace, name });
  const tracked = trackedConfigs(configRefs(target.spec?.template), lookup);
  const missing = tracked.missing.find(({ optional }) => !optional);
  if (missing !== undefined)
    return { kind: "problem", detail: `GetTargetConfigs failed: ${missingConfig(missing, namespace)}` };
  const owner = ownerReference(canary);
  const copies = [...tracked.configs.values()].map(({ ref, object }) => {
    const existing = lookup(ref.kind, primaryNameOf(ref.name));
    const { includeLabelPrefixes } = options;
    const copy = primaryConfig(object, {
      owner,
      includeLabelPrefixes,
      ...(existing === undefined ? {} : { existing }),
    });
    return existing === undefined ? copy : overExisting(copy, existing);
  });
  return { kind: "configs", tracked, copies };
}

/** The existing copy with our fields in it, so that nothing else of it changes. */
function overExisting(copy: KubeObject, existing: KubeObject): KubeObject {
  const { data, binaryData, ...rest } = existing;
  return {
    ...rest,
    ...(copy.data === undefined ? {} : { data: copy.data }),
    ...(copy.binaryData === undefined ? {} : { binaryData: copy.binaryData }),
    metadata: { ...existing.metadata, ...copy.metadata },
  };
}

/** @param spec hash of the target's template */
export function revisionOf(spec: string, tracked: TrackedConfigs, { configTracking }: WorkloadOptions): Revision {
  return configTracking ? { spec, configs: checksumsOf(tracked) } : { spec };
}
