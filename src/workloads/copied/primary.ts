/** The primary copy: how it is created, promoted, and restored. */
import { isDeepStrictEqual } from "node:util";
import type { Canary } from "../../core/status/canary.ts";
import { apiVersionOf } from "../../ports/kubernetes.ts";
import type { PodTemplate, WorkloadObject, WorkloadSpec } from "../../ports/kubernetes-types.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { renameConfigRefs } from "../config-tracking/references.ts";
import type { TrackedConfigs } from "../config-tracking/tracking.ts";
import {
  filterPrefixes,
  type PodLabels,
  podAnnotations,
  primaryLabels,
  primaryNameOf,
  withoutFlux,
} from "../metadata.ts";
import { keptAtPromotion, promotionIdOf } from "./kept.ts";
import type { CopiedKind } from "./kind.ts";

export interface PrimaryParts {
  readonly canary: Canary;
  readonly target: WorkloadObject;
  readonly labels: PodLabels;
  readonly tracked: TrackedConfigs;
  readonly kind: CopiedKind;
  readonly options: WorkloadOptions;
  /** How many replicas the primary had before it was deleted, where the operator saw that. */
  readonly replicasBefore?: number;
}

export function createdPrimary(parts: PrimaryParts, id: string): WorkloadObject {
  const { canary, target, labels, kind, replicasBefore: replicas } = parts;
  return {
    apiVersion: apiVersionOf(kind.type),
    kind: kind.type.kind,
    metadata: {
      name: primaryNameOf(target.metadata.name),
      namespace: canary.ref.namespace,
      labels: ownLabels(parts),
      annotations: withoutFlux(target.metadata.annotations),
      ownerReferences: [ownerReference(canary)],
    },
    spec: {
      ...copiedFields(target, kind),
      ...kind.primaryReplicas(target, canary, { ...(replicas === undefined ? {} : { replicas }) }),
      ...kind.fixedSpec?.(target),
      selector: { matchLabels: { ...labels.primary } },
      template: primaryTemplate(parts, id),
    },
  };
}

/** The existing primary with the target's template. Metadata is replaced under the prefix filter (Q50). */
export function promotedPrimary(parts: PrimaryParts, primary: WorkloadObject, id: string): WorkloadObject {
  const { canary, target, kind, options } = parts;
  // A copied template is not compared again: the API server may have added defaults, and users may have scaled it.
  if (promotionIdOf(primary) === id) return primary;
  const outdated = new Set(kind.copiedFields);
  const kept = Object.entries(primary.spec ?? {}).filter(([field]) => !outdated.has(field));
  return {
    ...primary,
    metadata: {
      ...primary.metadata,
      labels: ownLabels(parts),
      annotations: {
        ...filterPrefixes(target.metadata.annotations, options.includeLabelPrefixes),
        ...keptAtPromotion(primary, canary.status),
      },
    },
    spec: {
      ...Object.fromEntries(kept),
      ...copiedFields(target, kind),
      ...kind.primaryReplicas(target, canary, { primary }),
      template: primaryTemplate(parts, id),
    },
  };
}

/** Whether the primary's template is the target's as it would be promoted now, from any promotion. */
export function carriesTemplateOf(parts: PrimaryParts, primary: WorkloadObject): boolean {
  const id = promotionIdOf(primary);
  if (id === undefined) return false;
  return isDeepStrictEqual(meaningOf(primaryTemplate(parts, id)), meaningOf(primary.spec?.template));
}

/**
 * The template without empty fields: Go clients write `creationTimestamp: null` and empty maps where others omit them.
 */
function meaningOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningOf);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value)
    .map(([key, field]) => [key, meaningOf(field)] as const)
    .filter(([, field]) => field !== null && field !== undefined && !isEmpty(field));
  return Object.fromEntries(fields);
}

function isEmpty(field: unknown): boolean {
  return typeof field === "object" && field !== null && Object.keys(field).length === 0;
}

function ownLabels({ target, labels, options }: PrimaryParts): Record<string, string> {
  const wanted = filterPrefixes(target.metadata.labels, options.includeLabelPrefixes);
  return primaryLabels(wanted, { [labels.label]: labels.pods[labels.label] ?? "" });
}

function copiedFields(target: WorkloadObject, { copiedFields: fields }: CopiedKind): WorkloadSpec {
  const present = fields.filter((field) => target.spec?.[field] !== undefined);
  return Object.fromEntries(present.map((field) => [field, target.spec?.[field]]));
}

function primaryTemplate(parts: PrimaryParts, id: string): PodTemplate {
  const { target, labels, tracked, kind, options } = parts;
  const template = target.spec?.template ?? {};
  const podSpec = kind.primaryPodSpec(template.spec ?? {}, target, options.selectorLabels);
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: primaryLabels(template.metadata?.labels, labels.pods),
      annotations: podAnnotations(template.metadata?.annotations, id),
    },
    spec: renameConfigRefs(podSpec, new Set(tracked.configs.keys())),
  };
}
