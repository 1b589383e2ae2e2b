/** The selectors that Aviary sends: fields that are equal, and labels that are equal or there. */
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";

/** Whether an object is what a list or a watch with this query asks for. */
export function selects(query: URLSearchParams): (object: KubeObject) => boolean {
  const [fields, labels] = [partsOf(query, "fieldSelector"), partsOf(query, "labelSelector")];
  return (object) =>
    fields.every(([path, value]) => fieldAt(object, path) === value) &&
    labels.every(([name, value]) => {
      const label = object.metadata.labels?.[name];
      return value === undefined ? label !== undefined : label === value;
    });
}

function partsOf(query: URLSearchParams, selector: string): readonly [name: string, value?: string][] {
  const parts = (query.get(selector) ?? "").split(",").filter((part) => part !== "");
  return parts.map((part) => part.split("=") as [string, string?]);
}

const fieldAt = (object: KubeObject, path: string): unknown =>
  path.split(".").reduce<KubeFields | undefined>((fields, name) => fields?.[name], object);
