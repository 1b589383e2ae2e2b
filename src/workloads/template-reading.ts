/** What a pod template runs, in short: for the record of a run. */
import { createHash } from "node:crypto";
import type { TemplateReading } from "../core/turn/observation.ts";
import { perObject } from "../core/turn/per-object.ts";
import type { PodTemplate } from "../ports/kubernetes-types.ts";

export const templateReading = (template: PodTemplate | undefined): TemplateReading | undefined =>
  template && readingOf(template);

const readingOf = perObject((template: PodTemplate): TemplateReading => {
  const containers = template.spec?.containers ?? [];
  const images = Object.fromEntries(containers.map(({ name, image }) => [String(name), String(image ?? "")]));
  return { images, digest: createHash("sha256").update(jsonInOrder(template)).digest("hex") };
});

/**
 * JSON with the fields of objects in alphabetical order, because their order says nothing. A template may have 20,000
 * fields, and a turn must not take long: what an API server has sorted is written at once.
 */
function jsonInOrder(value: unknown): string {
  if (isInOrder(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonInOrder).join(",")}]`;
  const entries = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${jsonInOrder(field)}`).join(",")}}`;
}

function isInOrder(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isInOrder);
  let last = "";
  for (const key of Object.keys(value)) {
    if (key < last) return false;
    last = key;
  }
  return Object.values(value).every(isInOrder);
}
