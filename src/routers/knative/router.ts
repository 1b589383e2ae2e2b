/**
 * Knative: the target Service splits its own traffic between its latest revision, the canary, and the revision that an
 * annotation names, the primary. The workload writes the annotation; the router writes the split.
 */

import type { CanarySpec } from "../../core/spec/spec.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { isOfType, type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Fields } from "../../ports/kubernetes-types.ts";
import type { Router } from "../../ports/router.ts";
import type { Snapshot } from "../../ports/snapshot.ts";

/** As in serving.knative.dev/v1. */
interface KnativeService extends KubeObject {
  spec?: Fields & { readonly traffic?: readonly TrafficTarget[] };
}

interface TrafficTarget extends Fields {
  readonly latestRevision?: boolean;
  readonly revisionName?: string;
  readonly percent?: number;
}

const PRIMARY_ANNOTATION = "flagger.app/primary-revision";

export function createKnativeRouter(): Router {
  return {
    name: "knative",
    capabilities: { weights: true, mirror: false, headerMatch: false, sessionAffinity: false },
    // Without a colon, as Flagger writes it.
    kinds: [
      {
        type: RESOURCES.knativeService,
        changesOnly: true,
        refused: (name) => `Knative Service ${name} update query error `,
      },
    ],
    refusal,
    problem: ({ spec }) =>
      isOfType(spec.targetRef, RESOURCES.knativeService)
        ? undefined
        : "provider knative routes to Knative Services only: set spec.targetRef to one of serving.knative.dev/v1",
    inputs: (canary) => [refOf(canary)],
    read,
    render,
    handBack,
  };
}

function refusal({ targetRef }: CanarySpec): string | undefined {
  if (isOfType(targetRef, RESOURCES.knativeService)) return undefined;
  return (
    `can't use ${targetRef.apiVersion}/${targetRef.kind} as target if provider is set to knative: set spec.provider to ` +
    "the provider of this target, or spec.targetRef to a Service of serving.knative.dev/v1"
  );
}

function refOf(canary: Canary): ObjectRef {
  return { type: RESOURCES.knativeService, namespace: canary.ref.namespace, name: canary.spec.targetRef.name };
}

const primaryOf = (service: KubeObject): string | undefined => service.metadata.annotations?.[PRIMARY_ANNOTATION];

function read(canary: Canary, seen: Snapshot): Routes | undefined {
  const service: KnativeService | undefined = seen.get(refOf(canary));
  const traffic = service?.spec?.traffic ?? [];
  const latest = traffic.find(({ latestRevision }) => latestRevision === true);
  const primary = traffic.find(
    ({ revisionName }) => revisionName !== undefined && service && revisionName === primaryOf(service),
  );
  if (latest === undefined || primary === undefined) return undefined;
  return { primary: primary.percent ?? 0, canary: latest.percent ?? 0, mirror: false };
}

function render(canary: Canary, routes: Routes, seen: Snapshot): readonly KubeObject[] {
  const service: KnativeService | undefined = seen.get(refOf(canary));
  const revisionName = service === undefined ? undefined : primaryOf(service);
  // There is nothing to split before the annotation names a primary.
  if (service === undefined || revisionName === undefined) return [];
  const traffic = [
    { latestRevision: true, percent: routes.canary },
    // Knative adds defaults to a target. Written here, they are no difference that every turn would write again.
    { revisionName, latestRevision: false, percent: routes.primary },
  ];
  return [{ ...service, spec: { ...service.spec, traffic } }];
}

/** The Service follows its latest revision again, and no revision stays pinned (R14). */
function handBack(canary: Canary, seen: Snapshot): readonly KubeObject[] {
  const service: KnativeService | undefined = seen.get(refOf(canary));
  if (service === undefined || primaryOf(service) === undefined) return [];
  const { [PRIMARY_ANNOTATION]: _primary, ...annotations } = service.metadata.annotations ?? {};
  const traffic = [{ latestRevision: true, percent: 100 }];
  return [{ ...service, metadata: { ...service.metadata, annotations }, spec: { ...service.spec, traffic } }];
}
