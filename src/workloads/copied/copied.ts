/**
 * A target with a `-primary` copy of itself. The copy serves the users. The target is scaled up only to be tested, and
 * its template is then copied over the primary's.
 */

import type { DesiredState } from "../../core/desired.ts";
import { sameRevision } from "../../core/run/change.ts";
import type { Canary } from "../../core/status/canary.ts";
import { earliest } from "../../core/turn/earliest.ts";
import { promotionId } from "../../core/turn/identity.ts";
import type { TargetReading, TemplateReading } from "../../core/turn/observation.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import type { PodSpec, WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { MadeObject } from "../../ports/owner.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { PodSelector, Workload, WorkloadOptions, WorkloadReading } from "../../ports/workload.ts";
import { noSelectorLabel, podLabelsOf, primaryNameOf } from "../metadata.ts";
import { getQueryError } from "../not-found.ts";
import { declaredPorts, discoverPorts, samePort } from "../pod-spec.ts";
import { templateReading } from "../template-reading.ts";
import {
  configCopies,
  configDigests,
  configInputs,
  configProblem,
  madeConfigs,
  readConfigs,
  revisionOf,
} from "./configs.ts";
import { promotionIdOf } from "./kept.ts";
import type { CopiedKind } from "./kind.ts";
import { overlapProblem, overlapping } from "./overlap.ts";
import { previousInputs, previousOf } from "./previous.ts";
import { carriesTemplateOf, createdPrimary, type PrimaryParts, promotedPrimary } from "./primary.ts";
import { refusedQuantity } from "./refused-quantity.ts";
import { leavesGap, moverOf, withGaps } from "./replacement.ts";
import { primaryRollout, rollout } from "./rollout.ts";
import { restored, settled } from "./settling.ts";

export function createCopiedWorkload(kind: CopiedKind, options: WorkloadOptions): Workload {
  return {
    kind: kind.type.kind,
    matches: (target) => target.kind === kind.type.kind,
    beginning: "has a new pod template, or a ConfigMap or Secret that it uses has new content",
    inputs: (canary, seen) => inputs(canary, seen, kind, options),
    made: (canary, seen) => made(canary, seen, kind, options),
    digests: (canary, seen) => digests(canary, seen, kind, options),
    read: (canary, seen, now) => read(canary, seen, now, kind, options),
    renderPrimary: (canary, wanted, seen) => renderPrimary(canary, wanted, seen, kind, options),
    renderTarget: (canary, wanted, seen) => renderTarget(canary, wanted, seen, kind),
    revival(target, seen) {
      const ref = { type: kind.type, ...target };
      return kind.revival(ref, seen.get({ ...ref, name: primaryNameOf(target.name) }));
    },
  };
}

function targetOf(canary: Canary, kind: CopiedKind): ObjectRef {
  return { type: kind.type, namespace: canary.ref.namespace, name: canary.spec.targetRef.name };
}

function primaryOf(canary: Canary, kind: CopiedKind): ObjectRef {
  const target = targetOf(canary, kind);
  return { ...target, name: primaryNameOf(target.name) };
}

function inputs(canary: Canary, seen: Snapshot, kind: CopiedKind, options: WorkloadOptions): readonly ObjectRef[] {
  const { namespace } = canary.ref;
  const target: WorkloadObject | undefined = seen.get(targetOf(canary, kind));
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  const configs = options.configTracking
    ? [...configInputs(target, namespace), ...previousInputs(primary, namespace)]
    : [];
  const companions = target === undefined ? [] : (kind.companions?.inputs(target) ?? []);
  const labels = target === undefined ? undefined : podLabelsOf(target, primary, options.selectorLabels);
  const other =
    target === undefined || labels === undefined
      ? undefined
      : overlapping(canary, primaryOf(canary, kind), target, labels, seen);
  return [
    targetOf(canary, kind),
    primaryOf(canary, kind),
    ...(other === undefined ? [] : [other.ref]),
    ...configs,
    ...companions,
    ...kind.inputs(canary),
  ];
}

function made(canary: Canary, seen: Snapshot, kind: CopiedKind, options: WorkloadOptions): readonly MadeObject[] {
  const { namespace } = canary.ref;
  const target: WorkloadObject | undefined = seen.get(targetOf(canary, kind));
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  const own: MadeObject = {
    ref: primaryOf(canary, kind),
    as: `the copy of ${kind.type.kind} ${canary.spec.targetRef.name}`,
    isMade: (object) => promotionIdOf(object) !== undefined,
  };
  const companions = target === undefined ? [] : (kind.companions?.made(target) ?? []);
  return [own, ...companions, ...(options.configTracking ? madeConfigs(target, primary, namespace) : [])];
}

function digests(canary: Canary, seen: Snapshot, kind: CopiedKind, { configTracking }: WorkloadOptions) {
  const target: WorkloadObject | undefined = seen.get(targetOf(canary, kind));
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  return [
    () => templateReading(target?.spec?.template),
    () => templateReading(primary?.spec?.template),
    () => target && refusedQuantity(target, kind),
    ...(configTracking ? configDigests(canary, target, seen) : []),
  ];
}

function read(
  canary: Canary,
  seen: Snapshot,
  now: number,
  kind: CopiedKind,
  options: WorkloadOptions,
): WorkloadReading {
  const targetRef = targetOf(canary, kind);
  const target: WorkloadObject | undefined = seen.get(targetRef);
  if (target === undefined) return { ...problem(getQueryError(targetRef)), gone: true };
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  const labels = podLabelsOf(target, primary, options.selectorLabels);
  if (labels === undefined)
    return problem(`getSelectorLabel failed: ${noSelectorLabel(target, options.selectorLabels)}`);
  const other = overlapping(canary, primaryOf(canary, kind), target, labels, seen);
  if (other !== undefined) return problem(overlapProblem(target, labels, other));
  const refused = kind.refusal(target);
  const hasPrimary = primary !== undefined;
  // A target that the operator took over is handed back in order, also when it cannot be released any more.
  const leavesOrderly = canary.deleting && hasPrimary;
  if (refused !== undefined && !leavesOrderly) return problem(refused);
  const configs = readConfigs(canary, target, seen, options);
  const missing = configProblem(configs, canary.ref.namespace);
  const unnamed = refusedQuantity(target, kind);
  const unread = missing ?? unnamed;
  // Neither keeps a Canary from leaving: the target is handed back as it is.
  if (unread !== undefined && !canary.deleting) {
    const text = hasPrimary ? unread : `createPrimary${kind.type.kind} failed: ${unread}`;
    // Without any pod its share of the requests would be refused for as long as the object is missing.
    return { ...problem(text), unreadable: true, ...(kind.available(target) === 0 ? { gone: true } : {}) };
  }
  const { service } = canary.spec;
  if (service.port <= 0 && !leavesOrderly)
    return problem(`spec.service.port is required: set it to the port that ${target.metadata.name} serves`);
  const [targetPods, primaryPods] = [target.spec?.template?.spec, primary?.spec?.template?.spec];
  const primaryPort = samePort(service.targetPort, targetPods, primaryPods);
  const ports = furtherPorts(service, targetPods, primaryPods, primaryPort);
  const most = Math.max(ports.canary.length, ports.primary.length);
  if (most > MOST_PORTS && !leavesOrderly) return problem(tooManyPorts(target, most));

  const canarySide = rollout("canary", target, canary, now, kind, kind.unplaced?.(target, primary));
  const primarySide = primaryRollout(canary, primaryOf(canary, kind), target, seen, now, kind);
  const recheckAt = earliest(canarySide.recheckAt, primarySide.recheckAt);
  const compared = canary.status.foreign === true ? primary : undefined;
  const parts: PrimaryParts = { canary, target, labels, tracked: configs, kind, options };
  const warning =
    kind.obstacle?.(target) ??
    kind.podless(target, primary, canary, seen) ??
    (primary === undefined ? undefined : kind.obstacle?.(primary));
  const revision = revisionOf(unnamed === undefined ? kind.hash(target.spec?.template) : "", configs, options);
  const targetReading: TargetReading = {
    revision,
    readiness: canarySide.readiness,
    available: kind.available(target),
    scaledDown: kind.isScaledDown(target),
    ...templateOf(target),
  };
  const mover = moverOf(canary, target, kind);
  return {
    kind: "reading",
    target: targetReading,
    primary: {
      ...primarySide.reading,
      ...withGaps(primarySide.reading.earlier, primary, mover),
      ...templateOf(primary),
      ...(primary !== undefined && leavesGap({ canary, primary, target, revision, kind }) ? { gap: true } : {}),
      ...(compared === undefined ? {} : { carriesTarget: carriesTemplateOf(parts, compared) }),
    },
    selector: {
      label: labels.label,
      target: labels.target,
      primary: labels.primary,
      primaryServes: primarySide.reading.available > 0,
      ...(primaryPort === undefined ? {} : { primaryPort }),
      primaryPorts: declaredPorts(primaryPods),
      ports,
    },
    ...(warning === undefined ? {} : { warning }),
    ...(recheckAt === undefined ? {} : { recheckAt }),
  };
}

/** The primary publishes the ports of its own pods: those of a release come with the release. */
function furtherPorts(
  service: Canary["spec"]["service"],
  targetPods: PodSpec | undefined,
  primaryPods: PodSpec | undefined,
  primaryPort = service.targetPort,
): PodSelector["ports"] {
  if (!service.portDiscovery) return { canary: [], primary: [] };
  const canary = discoverPorts(targetPods, service);
  if (primaryPods === undefined) return { canary, primary: canary };
  return { canary, primary: discoverPorts(primaryPods, { ...service, targetPort: primaryPort }) };
}

/** That a Service publishes. Three Services have them all, and each is compared and written whole. */
const MOST_PORTS = 1_000;

const tooManyPorts = ({ kind, metadata: { name, namespace } }: WorkloadObject, count: number): string =>
  `${kind.toLowerCase()} ${name}.${namespace} has ${count} more container ports: spec.service.portDiscovery publishes at ` +
  `most ${MOST_PORTS}; turn it off, or name fewer ports`;

function templateOf(object: WorkloadObject | undefined): { readonly template?: TemplateReading } {
  const template = templateReading(object?.spec?.template);
  return template === undefined ? {} : { template };
}

function problem(detail: string): { readonly kind: "problem"; readonly detail: string } {
  return { kind: "problem", detail };
}

function renderPrimary(
  canary: Canary,
  wanted: DesiredState,
  seen: Snapshot,
  kind: CopiedKind,
  options: WorkloadOptions,
): readonly KubeObject[] {
  const target: WorkloadObject | undefined = seen.get(targetOf(canary, kind));
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  const labels = target === undefined ? undefined : podLabelsOf(target, primary, options.selectorLabels);
  if (target === undefined || labels === undefined) return [];
  const companions = kind.companions?.render(canary, target, labels, seen) ?? [];
  if (primary !== undefined && wanted.primary.kind === "present") {
    return [...companions, ...settled(canary, primary, seen)];
  }
  if (primary !== undefined && wanted.primary.kind === "restored") {
    return [...companions, ...restored(canary, primary, wanted.primary, seen)];
  }
  // A Canary that is being deleted creates nothing.
  if (primary === undefined && canary.status.phase === "Terminating") return [];
  const tracked = readConfigs(canary, target, seen, options);
  const unread = configProblem(tracked, canary.ref.namespace) ?? refusedQuantity(target, kind);
  if (unread !== undefined) return companions;
  const copies = configCopies(canary, tracked, seen, options);
  const parts = { canary, target, labels, tracked, kind, options };
  const held = revisionOf(kind.hash(target.spec?.template), tracked, options);
  if (primary === undefined) {
    const replicasBefore = seen.replicasBefore?.(primaryOf(canary, kind));
    const made = { ...parts, ...(replicasBefore === undefined ? {} : { replicasBefore }) };
    return [...companions, ...copies, createdPrimary(made, promotionId(canary.uid, held))];
  }
  if (wanted.primary.kind !== "promoted") return companions;
  const { id, revision } = wanted.primary;
  // The target may hold a newer revision than the tested one: then nothing is copied.
  if (!sameRevision(revision, held)) return companions;
  const previous = previousOf(canary, primary, copies, id, seen);
  return [...companions, ...previous, ...copies, promotedPrimary(parts, primary, id)];
}

function renderTarget(canary: Canary, wanted: DesiredState, seen: Snapshot, kind: CopiedKind): readonly KubeObject[] {
  const target: WorkloadObject | undefined = seen.get(targetOf(canary, kind));
  if (target === undefined || wanted.target === "as-is") return [];
  if (wanted.target === "down") return kind.isScaledDown(target) ? [] : [kind.scaledDown(target)];
  const primary: WorkloadObject | undefined = seen.get(primaryOf(canary, kind));
  if (canary.status.phase === "Terminating" && wanted.traffic !== "handed-back") {
    return [kind.reverted(target, canary, primary, seen)];
  }
  return kind.isScaledDown(target) ? [kind.scaledUp(target, canary, primary, seen)] : [];
}
