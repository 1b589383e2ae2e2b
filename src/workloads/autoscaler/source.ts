/** What all kinds of autoscaler share: where the source and the primary's copy are, and what they scale. */
import type { Canary } from "../../core/status/canary.ts";
import { apiVersionOf, type KubeObject, type ObjectRef, type ResourceType } from "../../ports/kubernetes.ts";
import type { Fields, Strings } from "../../ports/kubernetes-types.ts";
import { type MadeObject, ownerReference } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { primaryNameOf, withoutFlux } from "../metadata.ts";
import { getQueryError } from "../not-found.ts";

/** The object that `spec.autoscalerRef` names; undefined without one. */
export function sourceRef(canary: Canary, type: ResourceType): ObjectRef | undefined {
  const name = canary.spec.autoscalerRef?.name;
  return name === undefined ? undefined : { type, namespace: canary.ref.namespace, name };
}

export function sourceAndPrimary(canary: Canary, type: ResourceType): readonly ObjectRef[] {
  const source = sourceRef(canary, type);
  return source === undefined ? [] : [source, { ...source, name: primaryNameOf(source.name) }];
}

/** The primary's scaler. A scaler without an owner is recognised by its target. */
export function madeScaler(canary: Canary, type: ResourceType): readonly MadeObject[] {
  const [source, ref] = sourceAndPrimary(canary, type);
  if (source === undefined || ref === undefined) return [];
  const primary = primaryNameOf(canary.spec.targetRef.name);
  const isMade = ({ spec }: Scaler) => spec?.scaleTargetRef?.name === primary;
  return [{ ref, as: `the copy of ${type.kind} ${source.name}`, isMade }];
}

/** An HPA or a ScaledObject. */
export interface Scaler extends KubeObject {
  spec?: Fields & { readonly scaleTargetRef?: Fields & { readonly name?: string } };
}

export interface SeenScalers<T extends Scaler> {
  readonly source: T;
  /** Name of the primary's scaler. */
  readonly primaryName: string;
  readonly primary?: T;
}

/** @returns undefined when there is no source to follow */
export function seenScalers<T extends Scaler>(
  canary: Canary,
  type: ResourceType,
  seen: Snapshot,
): SeenScalers<T> | undefined {
  const [ref, primaryRef] = sourceAndPrimary(canary, type);
  const source = ref === undefined ? undefined : (seen.get(ref) as T | undefined);
  if (source === undefined || primaryRef === undefined) return undefined;
  const primary = seen.get(primaryRef) as T | undefined;
  return { source, primaryName: primaryRef.name, ...(primary === undefined ? {} : { primary }) };
}

/**
 * Text of the event for a missing source. A Canary that is being deleted needs no source: it scales nothing any more.
 */
export function missingSource(canary: Canary, type: ResourceType, seen: Snapshot, what: string): string | undefined {
  const ref = sourceRef(canary, type);
  if (ref === undefined || canary.deleting || seen.get(ref) !== undefined) return undefined;
  return getQueryError(ref, what);
}

/** The source's target with the primary's name. Kind, version and all other fields stay. */
export function primaryScaleTarget(canary: Canary, source: Scaler): Fields {
  return { ...source.spec?.scaleTargetRef, name: primaryNameOf(canary.spec.targetRef.name) };
}

/** The primary's scaler as it is created. Its labels are those of the source. */
export function createdScaler(
  canary: Canary,
  type: ResourceType,
  { source, primaryName }: SeenScalers<Scaler>,
  { annotations, spec }: { readonly annotations?: Strings; readonly spec: Fields },
): KubeObject {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: primaryName,
      namespace: canary.ref.namespace,
      labels: withoutFlux(source.metadata.labels),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [ownerReference(canary)],
    },
    spec,
  };
}

/** A Canary that is being deleted creates nothing. */
export function isLeaving({ status }: Canary): boolean {
  return status.phase === "Terminating";
}
