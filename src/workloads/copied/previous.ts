/**
 * What the primary's configs held before a promotion, so that a promotion that fails can be rolled back completely, and
 * one that succeeded can be undone. A copy keeps its name from one revision to the next, so its old data would be lost
 * once it is overwritten:
 *
 *   podinfo-config-primary            what the primary's pods read
 *   podinfo-config-primary-previous   what they read before the promotion named in its annotation; kept until the next
 *                                     promotion
 *
 * Written in this order, each step repeatable: previous <- copy, copy <- target's, template. As long as the template
 * does not carry the promotion's id, the promotion has not happened, and the copies get their old data back.
 */

import { isDeepStrictEqual } from "node:util";
import type { Canary } from "../../core/status/canary.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { configRefs } from "../config-tracking/references.ts";
import { primaryNameOf } from "../metadata.ts";
import { promotionIdOf } from "./kept.ts";

/** On a previous config: the id of the promotion for which it is kept. */
export const KEPT_FOR_ANNOTATION = "aviary.flagger.app/kept-for-promotion";

interface KeptConfig {
  readonly copy: ObjectRef;
  readonly previous: ObjectRef;
}

/** Every copy that the primary's template reads, and the object that would keep its previous data. */
export function previousInputs(primary: WorkloadObject | undefined, namespace: string): readonly ObjectRef[] {
  return keptConfigs(primary, namespace).flatMap(({ copy, previous }) => [copy, previous]);
}

/** The data that `copies` are about to lose, for the copies that the primary reads. */
export function previousOf(
  canary: Canary,
  primary: WorkloadObject,
  copies: readonly KubeObject[],
  promotion: string,
  seen: Snapshot,
): readonly KubeObject[] {
  return keptConfigs(primary, canary.ref.namespace).flatMap(({ copy: ref, previous: previousRef }) => {
    const copy = seen.get(ref);
    const next = copies.find(({ kind, metadata }) => kind === ref.type.kind && metadata.name === ref.name);
    const previous = seen.get(previousRef);
    if (copy === undefined || next === undefined) return [];
    const id = keptFor(previous);
    // An interrupted turn kept the old data of a copy that holds the new data already.
    if (sameData(copy, next) && (id === undefined || id === promotion)) return [];
    // If an earlier promotion was abandoned, the copy holds that promotion's data, but the primary never used it: the
    // previous object holds what the primary used.
    const isLeft = id !== undefined && id !== promotion && id !== promotionIdOf(primary);
    return [keeping(canary, previousRef, isLeft ? (previous ?? copy) : copy, previous, promotion)];
  });
}

/**
 * Restores the data of copies whose promotion did not happen.
 * @param promotion restores only what was kept for this promotion; undefined: for any but the one that the primary
 *   carries
 */
export function returnedConfigs(
  canary: Canary,
  primary: WorkloadObject,
  promotion: { readonly failed: string } | { readonly carried: string | undefined },
  seen: Snapshot,
): readonly KubeObject[] {
  return keptConfigs(primary, canary.ref.namespace).flatMap(({ copy: ref, previous: previousRef }) => {
    const copy = seen.get(ref);
    const previous = seen.get(previousRef);
    const id = keptFor(previous);
    if (copy === undefined || previous === undefined || id === undefined) return [];
    const failed = "failed" in promotion ? id === promotion.failed : id !== promotion.carried;
    // A copy that another Canary's primary reads too is not restored.
    return failed && !isShared(copy, canary) ? [withData(copy, previous)] : [];
  });
}

/** Empties Secrets as soon as they are not needed any more. */
export function forgottenConfigs(
  canary: Canary,
  primary: WorkloadObject,
  seen: Snapshot,
  options: { readonly keepFor?: string },
): readonly KubeObject[] {
  return keptConfigs(primary, canary.ref.namespace).flatMap(({ previous: ref }) => {
    const previous = seen.get(ref);
    const id = keptFor(previous);
    if (previous === undefined || id === undefined || id === options.keepFor) return [];
    const { [KEPT_FOR_ANNOTATION]: _id, ...annotations } = previous.metadata.annotations ?? {};
    const { data: _data, binaryData: _binary, ...rest } = previous;
    return [{ ...rest, metadata: { ...previous.metadata, annotations } }];
  });
}

function keptConfigs(primary: WorkloadObject | undefined, namespace: string): readonly KeptConfig[] {
  const copies = configRefs(primary?.spec?.template).filter(({ name }) => name.endsWith(primaryNameOf("")));
  return copies.map(({ kind, name }) => {
    const copy = { type: kind === "configmap" ? RESOURCES.configMap : RESOURCES.secret, namespace, name };
    return { copy, previous: { ...copy, name: `${name}-previous` } };
  });
}

function keptFor(previous: KubeObject | undefined): string | undefined {
  return previous?.metadata.annotations?.[KEPT_FOR_ANNOTATION];
}

function keeping(
  canary: Canary,
  ref: ObjectRef,
  copy: KubeObject,
  previous: KubeObject | undefined,
  promotion: string,
): KubeObject {
  const base: KubeObject = previous ?? {
    apiVersion: copy.apiVersion,
    kind: copy.kind,
    metadata: { name: ref.name, namespace: ref.namespace, ownerReferences: [ownerReference(canary)] },
    // Other types have mandatory keys and cannot be emptied.
    ...(copy.kind === "Secret" ? { type: "Opaque" } : {}),
  };
  const annotations = { ...base.metadata.annotations, [KEPT_FOR_ANNOTATION]: promotion };
  return withData({ ...base, metadata: { ...base.metadata, annotations } }, copy);
}

function withData(object: WorkloadObject, from: KubeObject): KubeObject {
  const { data: _data, binaryData: _binary, ...rest } = object;
  return {
    ...rest,
    ...(from.data === undefined ? {} : { data: from.data }),
    ...(from.binaryData === undefined ? {} : { binaryData: from.binaryData }),
  };
}

function sameData(a: KubeObject, b: KubeObject): boolean {
  return isDeepStrictEqual(a.data ?? {}, b.data ?? {}) && isDeepStrictEqual(a.binaryData ?? {}, b.binaryData ?? {});
}

function isShared(copy: KubeObject, canary: Canary): boolean {
  return (copy.metadata.ownerReferences ?? []).some(({ kind, uid }) => kind === "Canary" && uid !== canary.uid);
}
