/** Quantities in a pod template that are too long to calculate with. Its revision has no name then. */
import { NoQuantity } from "../../go/hash/quantity.ts";
import type { WorkloadObject } from "../../ports/kubernetes-types.ts";
import type { CopiedKind } from "./kind.ts";

/** @returns the text of the event; undefined when the revision has a name */
export function refusedQuantity(target: WorkloadObject, { hash, type }: CopiedKind): string | undefined {
  const template = target.spec?.template;
  try {
    hash(template);
    return undefined;
  } catch (error) {
    if (!(error instanceof NoQuantity)) throw error;
    const { name, namespace } = target.metadata;
    return `${type.kind} ${name}.${namespace} ${placeOf(template, error.text) ?? "spec.template"}: ${error.message}`;
  }
}

/** Where in the template the text stands, e.g. "spec.template.spec.containers[0].resources.limits.cpu". */
function placeOf(value: unknown, text: string, place = "spec.template"): string | undefined {
  if (typeof value !== "object" || value === null) return String(value).trim() === text ? place : undefined;
  for (const [key, field] of Object.entries(value)) {
    const found = placeOf(field, text, Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
