/**
 * Objects under a Canary's former names: routes that must send nothing to the canary, and an autoscaler that is
 * deleted.
 */

import { formerNames, formerScalerName, isSameScaler, namesOf, underNames } from "../../core/run/names.ts";
import type { TargetRef } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import type { MadeObject } from "../../ports/owner.ts";
import type { Router } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Autoscaler } from "../../ports/workload.ts";
import { type AdapterTables, routerOf } from "../adapters.ts";
import { isOwnedBy } from "./foreign.ts";

/** What is left to do under the former names. */
export interface Former {
  /** The Canary under the names that it had before. */
  readonly canary: Canary;
  readonly router?: Router;
  /** Everything that the two below look at. */
  readonly refs: readonly ObjectRef[];
  /** The primary's autoscaler, when the Canary names another one now, or none. */
  readonly scaler?: MadeObject;
}

/** The autoscaler of the target that the Canary named before. */
export interface FormerScaler {
  /** The Canary with this autoscaler instead of its own. */
  readonly canary: Canary;
  readonly autoscaler: Autoscaler;
}

/**
 * KEDA scales up a target without pods, whether a Canary names the ScaledObject or not. So Aviary goes on pausing
 * the ScaledObject that it has paused, until that object is gone or scales another workload.
 * @returns undefined when the Canary names the autoscaler that it named before
 */
export function formerScalerOf(canary: Canary, tables: AdapterTables): FormerScaler | undefined {
  const former = formerScalerName(canary.spec, canary.status);
  if (former === undefined) return undefined;
  const autoscaler = tables.autoscalers.find(({ kind, wakes }) => kind === former.kind && wakes !== undefined);
  const spec = { ...canary.spec, autoscalerRef: { apiVersion: "", ...former } };
  return autoscaler && { canary: { ...canary, spec }, autoscaler };
}

/** Text of the Warning about an autoscaler that still scales the target; undefined when it does not. */
export function formerScalerText(
  { canary, autoscaler }: FormerScaler,
  { kind, name }: TargetRef,
  seen: Snapshot,
): string | undefined {
  const source = autoscaler.wakes?.(canary, seen);
  return (
    source &&
    `${source.kind} ${source.metadata.name}.${canary.ref.namespace} still scales ${kind} ${name}, and spec.autoscalerRef ` +
      "does not name it: Aviary goes on pausing it while the target is scaled down; name it again, or delete it"
  );
}

/** @returns undefined when the Canary names what it named before */
export function formerOf(canary: Canary, tables: AdapterTables): Former | undefined {
  const names = canary.deleting ? undefined : formerNames(canary.spec, canary.status);
  if (names === undefined) return undefined;
  const former = { ...canary, spec: underNames(canary.spec, names) };
  const router = routerOf(tables.routers, names.provider);
  const isKept = isSameScaler(names.scaler, namesOf(canary.spec).scaler);
  const autoscaler = isKept ? undefined : tables.autoscalers.find(({ kind }) => kind === names.scaler?.kind);
  const [scaler] = autoscaler?.made(former) ?? [];
  return {
    canary: former,
    ...(router === undefined ? {} : { router }),
    ...(scaler === undefined ? {} : { scaler }),
    refs: [...(router?.inputs(former) ?? []), ...(scaler === undefined ? [] : [scaler.ref])],
  };
}

/** Whether nothing is left to do under the former names. */
export function isLeft(former: Former, seen: Snapshot): boolean {
  const { canary, router } = former;
  const routes = router?.read(canary, seen);
  const sends = routes !== undefined && (routes.canary > 0 || routes.mirror);
  return !sends && obsoleteOf(former, seen) === undefined;
}

/** The primary's former autoscaler. It is deleted only when it was made for this Canary. */
export function obsoleteOf({ canary, scaler }: Former, seen: Snapshot): KubeObject | undefined {
  const object = scaler === undefined ? undefined : seen.get(scaler.ref);
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
  return isOwnedBy(canary, object) ? object : undefined;
}
