/** What a pod template runs, in short: for the record of a run. */
import { createHash } from "node:crypto";
import type { TemplateReading } from "../core/observation.ts";
import type { KubeFields } from "../ports/kubernetes.ts";

/** Objects of the cache are frozen and shared, so that one template is read once. */
const READ = new WeakMap<KubeFields, TemplateReading>();

export function templateReading(template: KubeFields | undefined): TemplateReading | undefined {
  if (template === undefined) return undefined;
  const known = READ.get(template);
  if (known !== undefined) return known;
  const containers: readonly KubeFields[] = template["spec"]?.containers ?? [];
  const images = Object.fromEntries(containers.map(({ name, image }) => [String(name), String(image ?? "")]));
  const digest = createHash("sha256")
    .update(JSON.stringify(sorted(template)))
    .digest("hex");
  const reading = { images, digest };
  READ.set(template, reading);
  return reading;
}

/** The order of fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, sorted(field)]));
}
