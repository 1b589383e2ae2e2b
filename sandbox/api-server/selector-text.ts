/** Label selectors as people write them. */
import type { KubeFields } from "../../src/ports/kubernetes.ts";

/** A LabelSelector, or the plain map of old kinds, as text: "app=web,tier in (a,b)". */
export function selectorText(selector: KubeFields): string {
  const labels = selector?.matchLabels ?? (selector?.matchExpressions ? {} : (selector ?? {}));
  const expressions: KubeFields[] = selector?.matchExpressions ?? [];
  return [
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    ...expressions.map(({ key, operator, values = [] }) => {
      if (operator === "Exists") return key;
      return operator === "DoesNotExist" ? `!${key}` : `${key} ${operator.toLowerCase()} (${values.join(",")})`;
    }),
  ].join(",");
}
