/** What a pod template runs, in short: for the record of a run. */
import { createHash } from "node:crypto";
import type { TemplateReading } from "../core/observation.ts";
import type { PodTemplate } from "../ports/kubernetes-types.ts";

/** Objects of the cache are frozen and shared, so that one template is read once. */
const READ = new WeakMap<PodTemplate, TemplateReading>();

export function templateReading(template: PodTemplate | undefined): TemplateReading | undefined {
  if (template === undefined) return undefined;
  const known = READ.get(template);
  if (known !== undefined) return known;
  const containers = template.spec?.containers ?? [];
  const images = Object.fromEntries(containers.map(({ name, image }) => [String(name), String(image ?? "")]));
  const digest = createHash("sha256").update(inOrder(template)).digest("hex");
  const reading = { images, digest };
  READ.set(template, reading);
  return reading;
}

/**
 * JSON with the fields of objects in alphabetical order, because their order says nothing. A template may have 20,000
 * fields, and a turn must not take long: nothing is copied, and fields that an API server has sorted are not sorted
 * again.
 */
function inOrder(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  let text = "";
  if (Array.isArray(value)) {
    for (const element of value) text += `${text === "" ? "" : ","}${inOrder(element)}`;
    return `[${text}]`;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields);
  if (!keys.every((key, i) => i === 0 || (keys[i - 1] ?? "") < key)) keys.sort();
  for (const key of keys) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${inOrder(fields[key])}`;
  return `{${text}}`;
}
