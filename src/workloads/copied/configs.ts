/** ConfigMaps and Secrets of a target in one turn: they are part of the revision, and are copied for the primary. */
import type { Canary, Revision } from "../../core/status/canary.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import { type MadeObject, ownerReference } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { configChecksum } from "../config-tracking/checksum.ts";
import { primaryConfig } from "../config-tracking/primary.ts";
import { type ConfigKind, configKey, configRefs } from "../config-tracking/references.ts";
import { checksumsOf, missingConfig, type TrackedConfigs, trackedConfigs } from "../config-tracking/tracking.ts";
import { primaryNameOf } from "../metadata.ts";

const NOTHING: TrackedConfigs = { configs: new Map(), missing: [] };

/** The target's configs, and the primary's copies of them. */
export function configInputs(target: WorkloadObject | undefined, namespace: string): readonly ObjectRef[] {
  return configRefs(target?.spec?.template).flatMap(({ kind, name }) => {
    const ref = configRef(kind, name, namespace);
    return [ref, { ...ref, name: primaryNameOf(name) }];
  });
}

/**
 * The copies. A copy without an owner is recognised because the primary reads it and the target does not. Canaries
 * of several targets may use one config, and then share its copy.
 */
export function madeConfigs(
  target: WorkloadObject | undefined,
  primary: WorkloadObject | undefined,
  namespace: string,
): readonly MadeObject[] {
  const named = (object: WorkloadObject | undefined) => new Set(configRefs(object?.spec?.template).map(configKey));
  const [ofTarget, ofPrimary] = [named(target), named(primary)];
  return configRefs(target?.spec?.template).map(({ kind, name }) => {
    const ref = configRef(kind, primaryNameOf(name), namespace);
    const key = configKey({ kind, name: ref.name });
    const isMade = () => ofPrimary.has(key) && !ofTarget.has(key);
    return { ref, as: `the copy of ${ref.type.kind} ${name}`, use: "shared", isMade };
  });
}

export function readConfigs(
  canary: Canary,
  target: WorkloadObject,
  seen: Snapshot,
  { configTracking }: WorkloadOptions,
): TrackedConfigs {
  if (!configTracking) return NOTHING;
  const { namespace } = canary.ref;
  return trackedConfigs(configRefs(target.spec?.template), (kind, name) => seen.get(configRef(kind, name, namespace)));
}

/** The checksums of the target's configs. */
export function configDigests({ ref }: Canary, target: WorkloadObject | undefined, seen: Snapshot) {
  const refs = configRefs(target?.spec?.template).map(({ kind, name }) => configRef(kind, name, ref.namespace));
  const objects = refs.map((each) => seen.get(each)).filter((object) => object !== undefined);
  return objects.map((object) => () => configChecksum(object));
}

/** Text of the event when the target cannot run because a config is missing. */
export function configProblem({ missing }: TrackedConfigs, namespace: string): string | undefined {
  const mandatory = missing.find(({ optional }) => !optional);
  return mandatory === undefined ? undefined : `GetTargetConfigs failed: ${missingConfig(mandatory, namespace)}`;
}

/** The primary's copies as they should be. */
export function configCopies(
  canary: Canary,
  tracked: TrackedConfigs,
  seen: Snapshot,
  { includeLabelPrefixes }: WorkloadOptions,
): readonly KubeObject[] {
  const owner = ownerReference(canary);
  return [...tracked.configs.values()].map(({ ref, object }) => {
    const existing = seen.get(configRef(ref.kind, primaryNameOf(ref.name), canary.ref.namespace));
    if (existing === undefined) return primaryConfig(object, { owner, includeLabelPrefixes });
    return overExisting(primaryConfig(object, { owner, includeLabelPrefixes, existing }), existing);
  });
}

/** @param spec hash of the target's template */
export function revisionOf(spec: string, tracked: TrackedConfigs, { configTracking }: WorkloadOptions): Revision {
  return configTracking ? { spec, configs: checksumsOf(tracked) } : { spec };
}

function configRef(kind: ConfigKind, name: string, namespace: string): ObjectRef {
  return { type: kind === "configmap" ? RESOURCES.configMap : RESOURCES.secret, namespace, name };
}

/** The existing copy with Aviary's fields set. Its type stays, because Kubernetes does not let a type change. */
function overExisting(copy: KubeObject, existing: KubeObject): KubeObject {
  const { data: _data, binaryData: _binary, ...rest } = existing;
  const { labels: _labels, ...metadata } = existing.metadata;
  return {
    ...rest,
    ...(copy.data === undefined ? {} : { data: copy.data }),
    ...(copy.binaryData === undefined ? {} : { binaryData: copy.binaryData }),
    metadata: { ...metadata, ...copy.metadata },
  };
}
