/**
 * A target with a `-primary` copy of itself. The copy serves the users; the target is brought up only to be tested, and
 * its template is then copied over the primary's.
 */
import type { Canary } from "../../core/canary.ts";
import { sameRevision } from "../../core/change.ts";
import type { DesiredWorld } from "../../core/desired.ts";
import { promotionId } from "../../core/identity.ts";
import type { PrimaryReading, TargetReading } from "../../core/observation.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Workload, WorkloadOptions, WorkloadReading } from "../../ports/workload.ts";
import { configRefs } from "../config-tracking/references.ts";
import { noSelectorLabel, PROMOTION_ID_ANNOTATION, primaryNameOf, selectorLabelOf } from "../metadata.ts";
import { discoverPorts } from "../pod-spec.ts";
import { readConfigs, revisionOf } from "./configs.ts";
import type { CopiedKind, RolloutReading } from "./kind.ts";
import { createdPrimary, promotedPrimary, restoredPrimary } from "./primary.ts";

export function createCopiedWorkload(kind: CopiedKind, options: WorkloadOptions): Workload {
  return {
    kind: kind.type.kind,
    matches: (target) => target.kind === kind.type.kind,
    inputs: (canary, seen) => inputs(canary, seen, kind, options),
    read: (canary, seen, now) => read(canary, seen, now, kind, options),
    renderPrimary: (canary, world, seen) => renderPrimary(canary, world, seen, kind, options),
    renderTarget: (canary, world, seen) => renderTarget(canary, world, seen, kind),
  };
}

export function targetOf(canary: Canary, kind: CopiedKind): ObjectRef {
  return { type: kind.type, namespace: canary.ref.namespace, name: canary.spec.targetRef.name };
}

export function primaryOf(canary: Canary, kind: CopiedKind): ObjectRef {
  const target = targetOf(canary, kind);
  return { ...target, name: primaryNameOf(target.name) };
}

function inputs(canary: Canary, seen: Snapshot, kind: CopiedKind, options: WorkloadOptions): readonly ObjectRef[] {
  const { namespace } = canary.ref;
  const target = seen.get(targetOf(canary, kind));
  const refs = options.configTracking && target !== undefined ? configRefs(target.spec?.template) : [];
  const configs = refs.flatMap((ref) => {
    const type = ref.kind === "configmap" ? RESOURCES.configMap : RESOURCES.secret;
    return [ref.name, primaryNameOf(ref.name)].map((name) => ({ type, namespace, name }));
  });
  const scaling = kind.scalingInputs(canary).map(({ type, name }) => ({ type, namespace, name }));
  return [targetOf(canary, kind), primaryOf(canary, kind), ...configs, ...scaling];
}

function read(
  canary: Canary,
  seen: Snapshot,
  now: number,
  kind: CopiedKind,
  options: WorkloadOptions,
): WorkloadReading {
  const targetRef = targetOf(canary, kind);
  const target = seen.get(targetRef);
  if (target === undefined) return problem(notFound(targetRef));
  const selector = selectorLabelOf(target, options.selectorLabels);
  if (selector === undefined)
    return problem(`getSelectorLabel failed: ${noSelectorLabel(target, options.selectorLabels)}`);
  const refused = kind.refusal(target);
  if (refused !== undefined) return problem(refused);
  const configs = readConfigs(canary, target, seen, options);
  if (configs.kind === "problem") return configs;
  const { service } = canary.spec;
  if (service.port <= 0)
    return problem(`spec.service.port is required: set it to the port that ${target.metadata.name} serves`);

  const canarySide = rollout("canary", target, canary, now, kind);
  const primarySide = primaryRollout(canary, seen, now, kind);
  const recheckAt = earliest(canarySide.recheckAt, primarySide.recheckAt);
  const targetReading: TargetReading = {
    revision: revisionOf(kind.hash(target.spec?.template), configs.tracked, options),
    readiness: canarySide.readiness,
    available: kind.available(target),
    scaledDown: kind.isScaledDown(target),
  };
  return {
    kind: "reading",
    target: targetReading,
    primary: primarySide.reading,
    selector: {
      label: selector.label,
      value: selector.value,
      ports: service.portDiscovery ? discoverPorts(target.spec?.template?.spec, service) : [],
    },
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}

function problem(detail: string): { readonly kind: "problem"; readonly detail: string } {
  return { kind: "problem", detail };
}

/** In the words that the API server and the original put together. */
function notFound({ type, namespace, name }: ObjectRef): string {
  const resource = type.group === "" ? type.plural : `${type.plural}.${type.group}`;
  return `${type.kind.toLowerCase()} ${name}.${namespace} get query error: ${resource} "${name}" not found`;
}

function rollout(
  which: "primary" | "canary",
  object: KubeObject,
  canary: Canary,
  now: number,
  kind: CopiedKind,
): RolloutReading {
  const { analysis, progressDeadlineSeconds } = canary.spec;
  const { readiness, recheckAt } = kind.readiness(object, {
    progressDeadlineSeconds,
    thresholdPercent: which === "primary" ? analysis.primaryReadyThreshold : analysis.canaryReadyThreshold,
    phaseSince: canary.status.phaseSince,
    now,
  });
  if (readiness.kind === "ready") return { readiness };
  const { name, namespace = "" } = object.metadata;
  const detail = kind.wrap(which, name, namespace, readiness.detail, readiness.kind === "stuck");
  return { readiness: { kind: readiness.kind, detail }, ...(recheckAt === undefined ? {} : { recheckAt }) };
}

function primaryRollout(
  canary: Canary,
  seen: Snapshot,
  now: number,
  kind: CopiedKind,
): { readonly reading: PrimaryReading; readonly recheckAt?: number } {
  const ref = primaryOf(canary, kind);
  const primary = seen.get(ref);
  if (primary === undefined) {
    const detail = kind.wrap("primary", ref.name, ref.namespace, notFound(ref), false);
    return { reading: { exists: false, readiness: { kind: "progressing", detail }, available: 0 } };
  }
  const { readiness, recheckAt } = rollout("primary", primary, canary, now, kind);
  const id = primary.spec?.template?.metadata?.annotations?.[PROMOTION_ID_ANNOTATION];
  return {
    reading: {
      exists: true,
      readiness,
      available: kind.available(primary),
      ...(typeof id === "string" ? { promotionId: id } : {}),
    },
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}

function earliest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function renderPrimary(
  canary: Canary,
  world: DesiredWorld,
  seen: Snapshot,
  kind: CopiedKind,
  options: WorkloadOptions,
): readonly KubeObject[] {
  const target = seen.get(targetOf(canary, kind));
  const selector = target === undefined ? undefined : selectorLabelOf(target, options.selectorLabels);
  if (target === undefined || selector === undefined) return [];
  const primary = seen.get(primaryOf(canary, kind));
  const configs = readConfigs(canary, target, seen, options);
  if (configs.kind === "problem") return [];
  const { copies, tracked } = configs;
  const parts = { canary, target, selector, tracked, kind, options };
  const held = revisionOf(kind.hash(target.spec?.template), tracked, options);
  if (primary === undefined) return [...copies, createdPrimary(parts, promotionId(canary.uid, held))];
  if (world.primary.kind === "restored") return restoredPrimary(primary, world.primary.from);
  if (world.primary.kind === "present") return [];
  const { id, revision } = world.primary;
  // What the target holds now may be newer than what was tested: then nothing is copied.
  if (!sameRevision(revision, held)) return [];
  return [...copies, promotedPrimary(parts, primary, id)];
}

function renderTarget(canary: Canary, world: DesiredWorld, seen: Snapshot, kind: CopiedKind): readonly KubeObject[] {
  const target = seen.get(targetOf(canary, kind));
  if (target === undefined || world.target === "as-is") return [];
  if (world.target === "down") return kind.isScaledDown(target) ? [] : [kind.scaledDown(target)];
  if (!kind.isScaledDown(target)) return [];
  return [kind.scaledUp(target, canary, seen.get(primaryOf(canary, kind)), seen)];
}
