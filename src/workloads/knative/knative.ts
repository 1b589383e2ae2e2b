/**
 * Knative Services: nothing is copied, because Knative keeps every revision. An annotation of the target names the
 * primary revision; a promotion moves the annotation. The router shifts the traffic.
 */

import type { DesiredState } from "../../core/desired.ts";
import { sameRevision } from "../../core/run/change.ts";
import type { CanarySpec } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import { promotionId } from "../../core/turn/identity.ts";
import type { Readiness } from "../../core/turn/observation.ts";
import { hashText } from "../../go/hash/hash.ts";
import { isOfType, type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import type { Workload, WorkloadReading } from "../../ports/workload.ts";
import { giveUpAt } from "../copied/rollout.ts";
import { getQueryError, notFound } from "../not-found.ts";

/** Names the revision that serves the users. The router reads it, too. */
const PRIMARY_ANNOTATION = "flagger.app/primary-revision";

/** Names the primary revision before the last promotion. Removed when the promotion is over. */
const PREVIOUS_ANNOTATION = "aviary.flagger.app/previous-revision";

/** The only provider that routes to Knative Services. */
const PROVIDER = "knative";

const READY: Readiness = { kind: "ready" };

export function createKnativeWorkload(): Workload {
  return {
    kind: RESOURCES.knativeService.kind,
    matches: (target) => isOfType(target, RESOURCES.knativeService),
    beginning: "has a new revision",
    beside: { provider: PROVIDER, kinds: [RESOURCES.knativeRevision] },
    refusal,
    measuredBy: { type: RESOURCES.knativeService, as: "Knative service", nameOf },
    inputs,
    made: () => [],
    read,
    renderPrimary,
    renderTarget: () => [],
  };
}

/** A Service or a Revision of Knative. */
interface KnativeObject extends KubeObject {
  status?: {
    readonly latestCreatedRevisionName?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function targetRef(canary: Canary): ObjectRef {
  return { type: RESOURCES.knativeService, namespace: canary.ref.namespace, name: canary.spec.targetRef.name };
}

function revisionRef(canary: Canary, name: string): ObjectRef {
  return { type: RESOURCES.knativeRevision, namespace: canary.ref.namespace, name };
}

/** The operator's default provider does not count (Q8). */
function refusal({ ownProvider = "", autoscalerRef }: CanarySpec): string | undefined {
  if (ownProvider !== PROVIDER)
    return `can't use ${ownProvider} provider with Knative Service as target: set spec.provider to ${PROVIDER}`;
  return autoscalerRef === undefined
    ? undefined
    : "can't use autoscaler with Knative Service: remove spec.autoscalerRef, Knative scales by itself";
}

/** Knative labels its series by revision. The newest revision is the canary. */
function nameOf(target: KubeObject, side: "canary" | "primary"): string {
  return (side === "primary" ? target.metadata.annotations?.[PRIMARY_ANNOTATION] : undefined) ?? latestOf(target);
}

const latestOf = (target: KnativeObject | undefined): string => target?.status?.latestCreatedRevisionName ?? "";
const primaryOf = (target: KubeObject | undefined): string => target?.metadata.annotations?.[PRIMARY_ANNOTATION] ?? "";

function inputs(canary: Canary, seen: Snapshot): readonly ObjectRef[] {
  const target = seen.get(targetRef(canary));
  const revisions = new Set([latestOf(target), primaryOf(target)].filter((name) => name !== ""));
  return [targetRef(canary), ...[...revisions].map((name) => revisionRef(canary, name))];
}

function read(canary: Canary, seen: Snapshot, now: number): WorkloadReading {
  const ref = targetRef(canary);
  const target = seen.get(ref);
  if (target === undefined) return { kind: "problem", detail: getQueryError(ref, "Knative Service") };
  const latest = latestOf(target);
  const primary = primaryOf(target);
  // Knative waits for a revision that cannot start without end, and the rollout would wait with it. So the operator
  // sets a deadline.
  const givenUp = giveUpAt(canary);
  const judged = (readiness: Readiness): Readiness =>
    readiness.kind === "ready" || givenUp === undefined || now <= givenUp ? readiness : { ...readiness, kind: "stuck" };
  const canarySide = judged(revisionReadiness(canary, latest, seen));
  const primarySide: Readiness =
    primary === ""
      ? {
          kind: "progressing",
          detail: `Knative Service ${ref.name}.${ref.namespace} primary revision annotation not found`,
        }
      : judged(revisionReadiness(canary, primary, seen));
  return {
    kind: "reading",
    target: {
      revision: { spec: hashText(latest) },
      readiness: canarySide,
      available: canarySide.kind === "ready" ? 1 : 0,
      scaledDown: false,
    },
    primary: {
      exists: primary !== "",
      readiness: primarySide,
      available: primarySide.kind === "ready" ? 1 : 0,
      ...(primary === "" ? {} : { promotionId: idOf(canary, primary) }),
      ...(canary.status.phase === "Failed" && primary !== ""
        ? { restorable: Boolean(target.metadata.annotations?.[PREVIOUS_ANNOTATION]) }
        : {}),
    },
    ...(givenUp === undefined || canarySide.kind !== "progressing" ? {} : { recheckAt: givenUp + 1 }),
  };
}

/** Knative says when a revision is ready. */
function revisionReadiness(canary: Canary, name: string, seen: Snapshot): Readiness {
  const { namespace } = canary.ref;
  if (name === "") {
    const service = `Knative Service ${canary.spec.targetRef.name}.${namespace}`;
    return { kind: "progressing", detail: `${service} has not created a revision yet` };
  }
  const ref = revisionRef(canary, name);
  const revision: KnativeObject | undefined = seen.get(ref);
  if (revision === undefined) {
    return { kind: "progressing", detail: `Knative Revision ${name}.${namespace} get query error: ${notFound(ref)}` };
  }
  const ready = (revision.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
  return ready ? READY : { kind: "progressing", detail: `Knative Revision ${name}.${namespace} is not ready` };
}

function idOf(canary: Canary, revisionName: string): string {
  return promotionId(canary.uid, { spec: hashText(revisionName) });
}

function renderPrimary(canary: Canary, wanted: DesiredState, seen: Snapshot): readonly KubeObject[] {
  const target = seen.get(targetRef(canary));
  const latest = latestOf(target);
  if (target === undefined || latest === "" || canary.status.phase === "Terminating") return [];
  const primary = primaryOf(target);
  // The recorded revision does not count: the Service may have had no revision at that time.
  if (canary.status.phase === "Initializing") return [annotated(target, primaryToBe(canary, target), undefined)];
  switch (wanted.primary.kind) {
    case "present":
      if (canary.status.phase === "Finalising" && primary !== "") return [];
      return [annotated(target, primaryToBe(canary, target), undefined)];
    case "promoted": {
      const { revision } = wanted.primary;
      if (primary === latest || !sameRevision(revision, { spec: hashText(latest) })) return [];
      return [annotated(target, latest, primary)];
    }
    case "restored": {
      // This is another Service of the same name: the revisions of the deleted one are gone.
      if (primary === "") return [annotated(target, latest, undefined)];
      const previous = target.metadata.annotations?.[PREVIOUS_ANNOTATION];
      return previous && idOf(canary, primary) === wanted.primary.from ? [annotated(target, previous, undefined)] : [];
    }
  }
}

/**
 * Only a name is written. The router sends the traffic to that revision when it is ready. Before, the primary is the
 * latest revision, even if an earlier Canary left another name. Once the router shifts traffic, it is the revision that
 * was ready.
 */
function primaryToBe({ status }: Canary, target: KubeObject): string {
  const [latest, primary] = [latestOf(target), primaryOf(target)];
  if (primary === "") return latest;
  if (status.phase !== "Initializing" || latest === primary) return primary;
  const seenReady = status.stage === "switching" && sameRevision(status.applied, { spec: hashText(primary) });
  return seenReady ? primary : latest;
}

function annotated(target: KubeObject, primary: string, previous: string | undefined): KubeObject {
  const { [PREVIOUS_ANNOTATION]: _previous, ...annotations } = target.metadata.annotations ?? {};
  return {
    ...target,
    metadata: {
      ...target.metadata,
      annotations: {
        ...annotations,
        [PRIMARY_ANNOTATION]: primary,
        ...(previous ? { [PREVIOUS_ANNOTATION]: previous } : {}),
      },
    },
  };
}
