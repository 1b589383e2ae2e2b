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
 * fields, and a turn must not take long: V8 writes a whole template several times faster than its parts.
 */
const jsonInOrder = (template: unknown): string => JSON.stringify(inOrder(template));

/** @returns the very value when it is in order */
function inOrder(value: unknown): unknown {
  if (isInOrder(value)) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const fields = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields).sort();
  // To assign this key would set the prototype.
  if (keys.includes("__proto__")) return Object.fromEntries(keys.map((key) => [key, inOrder(fields[key])]));
  const sorted: Record<string, unknown> = {};
  for (const key of keys) sorted[key] = inOrder(fields[key]);
  return sorted;
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
