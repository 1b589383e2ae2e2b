/** The selectors that Aviary sends: one name, or equal labels. */
import type { KubeObject } from "../ports/kubernetes.ts";

/** Whether an object is what a list or a watch with this query asks for. */
export function selects(query: URLSearchParams): (object: KubeObject) => boolean {
  const only = /^metadata\.name=(.+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
  const labels = (query.get("labelSelector") ?? "").split(",").filter((one) => one !== "");
  return ({ metadata }) =>
    (only === undefined || metadata.name === only) &&
    labels.every((one) => {
      const [name = "", value] = one.split("=");
      return value === undefined ? metadata.labels?.[name] !== undefined : metadata.labels?.[name] === value;
    });
}
