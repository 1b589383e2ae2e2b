/**
 * core/v1 Services as targets: a release is a change of the Service's spec, e.g. its selector. No pods are managed. The
 * target itself is never changed; `<target>-canary` always follows it, `<target>-primary` when it is promoted.
 */
import { isDeepStrictEqual } from "node:util";
import type { DesiredState } from "../../core/desired.ts";
import { sameRevision } from "../../core/run/change.ts";
import type { Canary } from "../../core/status/canary.ts";
import { promotionId } from "../../core/turn/identity.ts";
import { hashServiceSpec } from "../../go/hash/hash.ts";
import { isOfType, type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { ServiceObject } from "../../ports/kubernetes-types.ts";
import type { MadeObject } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Workload, WorkloadOptions, WorkloadReading } from "../../ports/workload.ts";
import { PROMOTION_ID_ANNOTATION, primaryNameOf } from "../metadata.ts";
import { notFound } from "../not-found.ts";
import {
  canaryCopy,
  createdPrimary,
  isRestorable,
  promotedPrimary,
  restoredPrimary,
  settledPrimary,
} from "./copies.ts";

const READY = { kind: "ready" } as const;

export function createServiceWorkload(options: WorkloadOptions): Workload {
  return {
    kind: RESOURCES.service.kind,
    matches: (target) => target.kind === RESOURCES.service.kind && !isOfType(target, RESOURCES.knativeService),
    beginning: "has a new spec",
    isService: true,
    inputs: (canary) => [refOf(canary), refOf(canary, "-canary"), refOf(canary, "-primary")],
    made,
    read,
    renderPrimary: (canary, wanted, seen) => renderPrimary(canary, wanted, seen, options),
    renderTarget: () => [],
  };
}

function refOf(canary: Canary, suffix: "" | "-canary" | "-primary" = ""): ObjectRef {
  const { name } = canary.spec.targetRef;
  return { type: RESOURCES.service, namespace: canary.ref.namespace, name: `${name}${suffix}` };
}

/** A copy without an owner is recognised by its selector, or by the promotion that it carries. */
function made(canary: Canary, seen: Snapshot): readonly MadeObject[] {
  const { name } = canary.spec.targetRef;
  const target: ServiceObject | undefined = seen.get(refOf(canary));
  const selects = ({ spec }: ServiceObject) => isDeepStrictEqual(spec?.selector, target?.spec?.selector);
  const isPromoted = ({ metadata }: KubeObject) => metadata.annotations?.[PROMOTION_ID_ANNOTATION] !== undefined;
  return [
    { ref: refOf(canary, "-canary"), as: `the copy of Service ${name} for the canary`, isMade: selects },
    { ref: refOf(canary, "-primary"), as: `the copy of Service ${name} for the primary`, isMade: isPromoted },
  ];
}

function read(canary: Canary, seen: Snapshot): WorkloadReading {
  const target = seen.get(refOf(canary));
  const problem = targetProblem(canary, target);
  if (target === undefined || problem !== undefined) return { kind: "problem", detail: problem ?? "" };
  const primary = seen.get(refOf(canary, "-primary"));
  const id = primary?.metadata.annotations?.[PROMOTION_ID_ANNOTATION];
  return {
    kind: "reading",
    target: { revision: { spec: hashServiceSpec(target.spec) }, readiness: READY, available: 1, scaledDown: false },
    primary: {
      exists: primary !== undefined,
      readiness: READY,
      available: primary === undefined ? 0 : 1,
      ...(id === undefined ? {} : { promotionId: id }),
      ...(canary.status.phase === "Failed" && primary !== undefined ? { restorable: isRestorable(primary) } : {}),
    },
  };
}

/** The text for a missing target names the primary, as in Flagger. */
function targetProblem(canary: Canary, target: KubeObject | undefined): string | undefined {
  const { name } = canary.spec.targetRef;
  const apex = canary.spec.service.name;
  if (apex !== name) {
    // The routes would lead to Services that do not exist (R27).
    return `spec.service.name "${apex}" must be "${name}", the target Service that routes and copies are named after`;
  }
  const primary = `${primaryNameOf(name)}.${canary.ref.namespace}`;
  return target === undefined ? `service ${primary} get query error: ${notFound(refOf(canary))}` : undefined;
}

function renderPrimary(
  canary: Canary,
  wanted: DesiredState,
  seen: Snapshot,
  options: WorkloadOptions,
): readonly KubeObject[] {
  const target = seen.get(refOf(canary));
  // A Canary that is being deleted creates nothing.
  if (target === undefined || canary.status.phase === "Terminating") return [];
  const copy = canaryCopy(canary, target, seen.get(refOf(canary, "-canary")));
  const primary = seen.get(refOf(canary, "-primary"));
  const held = { spec: hashServiceSpec(target.spec) };
  if (primary === undefined) return [copy, createdPrimary(canary, target, promotionId(canary.uid, held))];
  return [copy, ...primaryAs(canary, wanted, target, primary, options)];
}

function primaryAs(
  canary: Canary,
  { primary: wanted }: DesiredState,
  target: KubeObject,
  primary: KubeObject,
  options: WorkloadOptions,
): readonly KubeObject[] {
  switch (wanted.kind) {
    case "present":
      return canary.status.phase === "Finalising" ? [] : [settledPrimary(primary)];
    case "restored":
      return restoredPrimary(primary, wanted.from);
    case "promoted":
      // The target may hold a newer revision than the tested one: then nothing is copied.
      return sameRevision(wanted.revision, { spec: hashServiceSpec(target.spec) })
        ? [promotedPrimary(canary, target, primary, wanted.id, options)]
        : [];
  }
}
