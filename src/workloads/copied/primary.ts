/** The primary copy: how it is created, promoted, and restored. */
import { isDeepStrictEqual } from "node:util";
import type { Canary } from "../../core/canary.ts";
import type { PreviousReading } from "../../core/observation.ts";
import { apiVersionOf } from "../../ports/kubernetes.ts";
import type { PodTemplate, WorkloadObject, WorkloadSpec } from "../../ports/kubernetes-types.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { renameConfigRefs } from "../config-tracking/references.ts";
import type { TrackedConfigs } from "../config-tracking/tracking.ts";
import {
  filterPrefixes,
  type PodLabels,
  PROMOTION_ID_ANNOTATION,
  podAnnotations,
  primaryLabels,
  primaryNameOf,
  withoutFlux,
} from "../metadata.ts";
import type { CopiedKind } from "./kind.ts";

/**
 * The template that the primary ran before its last promotion, as JSON: a promotion that fails can be rolled back even by an
 * operator that was started after it, and one that succeeded can be undone. Kept until the next promotion (ADR 0017).
 */
export const PREVIOUS_TEMPLATE_ANNOTATION = "aviary.flagger.app/previous-template";

/** Which revision that template was promoted from, as JSON: `PreviousReading`. */
const PREVIOUS_REVISION_ANNOTATION = "aviary.flagger.app/previous-revision";

/** All annotations of an object may take 256 KiB together; a larger template is not kept and cannot be restored. */
const LARGEST_TEMPLATE = 128 * 1024;

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
        ...keptTemplate(primary),
        ...keptRevision(primary, canary.status.promotedSpec),
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

/** @returns undefined when the template before its last promotion was not kept */
export function restoredPrimary(primary: WorkloadObject): WorkloadObject | undefined {
  const kept = primary.metadata.annotations?.[PREVIOUS_TEMPLATE_ANNOTATION];
  if (kept === undefined) return undefined;
  const { metadata, spec } = withoutKeptTemplate(primary);
  return { ...primary, metadata, spec: { ...spec, template: JSON.parse(kept) } };
}

export function isRestorable({ metadata }: WorkloadObject): boolean {
  return metadata.annotations?.[PREVIOUS_TEMPLATE_ANNOTATION] !== undefined;
}

/** Objects of the cache are frozen and shared, so that one primary is read once. */
const PREVIOUS = new WeakMap<WorkloadObject, { readonly reading: PreviousReading | undefined }>();

/** What the primary can get back, as far as it is known which revision that is. */
export function previousReading(primary: WorkloadObject): PreviousReading | undefined {
  const known = PREVIOUS.get(primary) ?? { reading: readPrevious(primary) };
  PREVIOUS.set(primary, known);
  return known.reading;
}

function readPrevious({ metadata }: WorkloadObject): PreviousReading | undefined {
  const { annotations = {} } = metadata;
  const text = annotations[PREVIOUS_REVISION_ANNOTATION];
  if (text === undefined || annotations[PREVIOUS_TEMPLATE_ANNOTATION] === undefined) return undefined;
  const read = parsed(text);
  const { spec, promotionId } = (read ?? {}) as Partial<PreviousReading>;
  return typeof spec === "string" && typeof promotionId === "string" && spec !== "" ? { spec, promotionId } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function withoutKeptTemplate(primary: WorkloadObject): WorkloadObject {
  if (primary.metadata.annotations?.[PREVIOUS_TEMPLATE_ANNOTATION] === undefined) return primary;
  const {
    [PREVIOUS_TEMPLATE_ANNOTATION]: _kept,
    [PREVIOUS_REVISION_ANNOTATION]: _of,
    ...annotations
  } = primary.metadata.annotations;
  return { ...primary, metadata: { ...primary.metadata, annotations } };
}

/** Whether the primary's template is the target's as it would be promoted now, from any promotion. */
export function carriesTemplateOf(parts: PrimaryParts, primary: WorkloadObject): boolean {
  const id = promotionIdOf(primary);
  if (id === undefined) return false;
  return isDeepStrictEqual(meaningOf(primaryTemplate(parts, id)), meaningOf(primary.spec?.template));
}

/** The template without empty fields: Go clients write `creationTimestamp: null` and empty maps where others omit them. */
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

export function promotionIdOf(primary: WorkloadObject): string | undefined {
  const id = primary.spec?.template?.metadata?.annotations?.[PROMOTION_ID_ANNOTATION];
  return typeof id === "string" ? id : undefined;
}

function keptTemplate(primary: WorkloadObject): Record<string, string> {
  const text = JSON.stringify(primary.spec?.template ?? {});
  return Buffer.byteLength(text) > LARGEST_TEMPLATE ? {} : { [PREVIOUS_TEMPLATE_ANNOTATION]: text };
}

/** Without a template it says nothing: `previousReading` looks for both. */
function keptRevision(primary: WorkloadObject, spec: string): Record<string, string> {
  const promotionId = promotionIdOf(primary);
  if (promotionId === undefined || spec === "") return {};
  return { [PREVIOUS_REVISION_ANNOTATION]: JSON.stringify({ spec, promotionId }) };
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
