/** The primary copy: how it is made, promoted, and given back what it ran before. */
import type { Canary } from "../../core/canary.ts";
import { apiVersionOf, type KubeFields, type KubeObject } from "../../ports/kubernetes.ts";
import { ownerReference } from "../../ports/owner.ts";
import type { WorkloadOptions } from "../../ports/workload.ts";
import { renameConfigRefs } from "../config-tracking/references.ts";
import type { TrackedConfigs } from "../config-tracking/tracking.ts";
import {
  filterPrefixes,
  PROMOTION_ID_ANNOTATION,
  podAnnotations,
  primaryLabels,
  primaryNameOf,
  type SelectorLabel,
  withoutFlux,
} from "../metadata.ts";
import type { CopiedKind } from "./kind.ts";

/**
 * The template that the primary ran before its last promotion, as JSON, so that a promotion that fails can be taken back
 * even by an operator that was started after it.
 */
export const PREVIOUS_TEMPLATE_ANNOTATION = "aviary.flagger.app/previous-template";

/** All annotations of an object may take 256 KiB together; a larger template is not kept and cannot be restored. */
const LARGEST_TEMPLATE = 128 * 1024;

export interface PrimaryParts {
  readonly canary: Canary;
  readonly target: KubeObject;
  readonly selector: SelectorLabel;
  readonly tracked: TrackedConfigs;
  readonly kind: CopiedKind;
  readonly options: WorkloadOptions;
}

export function createdPrimary(parts: PrimaryParts, id: string): KubeObject {
  const { canary, target, selector, kind, options } = parts;
  return {
    apiVersion: apiVersionOf(kind.type),
    kind: kind.type.kind,
    metadata: {
      name: primaryNameOf(target.metadata.name),
      namespace: canary.ref.namespace,
      labels: primaryLabels(
        filterPrefixes(target.metadata.labels, options.includeLabelPrefixes),
        selector.label,
        selector.primaryValue,
      ),
      annotations: withoutFlux(target.metadata.annotations),
      ownerReferences: [ownerReference(canary)],
    },
    spec: {
      ...kind.copiedSpec(target, canary, undefined),
      selector: { matchLabels: { [selector.label]: selector.primaryValue } },
      template: primaryTemplate(parts, id),
    },
  };
}

/** The seen primary with the target's template over its own. Metadata is replaced under the prefix filter (Q50). */
export function promotedPrimary(parts: PrimaryParts, primary: KubeObject, id: string): KubeObject {
  const { canary, target, selector, kind, options } = parts;
  const promoted = promotionIdOf(primary) === id;
  // Once copied the template is left alone: the API server may have added defaults to it, users may have scaled it.
  if (promoted) return primary;
  const { includeLabelPrefixes } = options;
  return {
    ...primary,
    metadata: {
      ...primary.metadata,
      labels: primaryLabels(
        filterPrefixes(target.metadata.labels, includeLabelPrefixes),
        selector.label,
        selector.primaryValue,
      ),
      annotations: { ...filterPrefixes(target.metadata.annotations, includeLabelPrefixes), ...keptTemplate(primary) },
    },
    spec: {
      ...primary.spec,
      ...kind.copiedSpec(target, canary, primary),
      template: primaryTemplate(parts, id),
    },
  };
}

/** @param from id of the promotion that failed @returns nothing when the primary carries another one, or kept no template */
export function restoredPrimary(primary: KubeObject, from: string): readonly KubeObject[] {
  const kept = primary.metadata.annotations?.[PREVIOUS_TEMPLATE_ANNOTATION];
  if (kept === undefined || promotionIdOf(primary) !== from) return [];
  const { [PREVIOUS_TEMPLATE_ANNOTATION]: _kept, ...annotations } = primary.metadata.annotations ?? {};
  return [
    {
      ...primary,
      metadata: { ...primary.metadata, annotations },
      spec: { ...primary.spec, template: JSON.parse(kept) },
    },
  ];
}

export function promotionIdOf(primary: KubeObject): string | undefined {
  return primary.spec?.template?.metadata?.annotations?.[PROMOTION_ID_ANNOTATION];
}

function keptTemplate(primary: KubeObject): Record<string, string> {
  const text = JSON.stringify(primary.spec?.template ?? {});
  return text.length > LARGEST_TEMPLATE ? {} : { [PREVIOUS_TEMPLATE_ANNOTATION]: text };
}

function primaryTemplate(parts: PrimaryParts, id: string): KubeFields {
  const { target, selector, tracked, kind, options } = parts;
  const template = target.spec?.template ?? {};
  const podSpec = kind.primaryPodSpec(template.spec ?? {}, target, options.selectorLabels);
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: primaryLabels(template.metadata?.labels, selector.label, selector.primaryValue),
      annotations: podAnnotations(template.metadata?.annotations, id),
    },
    spec: renameConfigRefs(podSpec, new Set(tracked.configs.keys())),
  };
}
