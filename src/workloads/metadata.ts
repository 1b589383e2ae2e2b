/**
 * Names, labels, annotations and owners of the objects that are created for a Canary: rules that all target kinds
 * share.
 */
import type { KubeObject } from "../ports/kubernetes.ts";
import type { Strings, WorkloadObject } from "../ports/kubernetes-types.ts";

/**
 * Keys that contain this word tie an object to its Flux source. On a copy they would make Flux delete or rewrite the
 * copy.
 */
const FLUX_MARKER = "toolkit.fluxcd.io";

/** Names the promotion that a pod template comes from. A new value makes Kubernetes replace the pods. */
export const PROMOTION_ID_ANNOTATION = "flagger-id";

/** "podinfo" -> "podinfo-primary": objects, label values and configs alike. */
export function primaryNameOf(name: string): string {
  return `${name}-primary`;
}

/** The given keys without those of Flux. */
export function withoutFlux(map: Strings | undefined): Record<string, string> {
  return keep(map, (key) => !key.includes(FLUX_MARKER));
}

/**
 * The target's labels or annotations that its primary may carry: keys that begin with one of `prefixes`
 * (`-include-label-prefix`). `*` stands for all keys; an empty prefix, the default, for none. Keys of Flux are never
 * carried.
 */
export function filterPrefixes(map: Strings | undefined, prefixes: readonly string[]): Record<string, string> {
  const wanted = (key: string) =>
    prefixes.some((prefix) => prefix === "*" || (prefix !== "" && key.startsWith(prefix)));
  return keep(withoutFlux(map), wanted);
}

/** Labels of a primary object or of its pods: the given labels without those of Flux, overridden by `own`. */
export function primaryLabels(labels: Strings | undefined, own: Strings): Record<string, string> {
  return { ...withoutFlux(labels), ...own };
}

/** Annotations of the primary's pod template: the target's without those of Flux, and the promotion's id. */
export function podAnnotations(annotations: Strings | undefined, id: string): Record<string, string> {
  return { ...withoutFlux(annotations), [PROMOTION_ID_ANNOTATION]: id };
}

/** The labels that tell the target's pods from the primary's. */
export interface PodLabels {
  /** The label that carries the name of the application. */
  readonly label: string;
  /** The selector of the target. */
  readonly target: Strings;
  /** The selector of the primary. Kubernetes never lets a selector change. */
  readonly primary: Strings;
  /** The labels of every new pod of the primary: `primary`, and no value by which the target would select the pod. */
  readonly pods: Strings;
}

/**
 * The selector of a new primary is the target's match labels, with `-primary` appended to the value of the first label
 * of `selectorLabels` (`-selector-labels`) among them. An existing primary keeps its own selector, even when the flag
 * has changed, or when the target was created again with other match labels.
 * @returns undefined when no label is found; `noSelectorLabel` has the text
 */
export function podLabelsOf(
  target: WorkloadObject,
  primary: WorkloadObject | undefined,
  selectorLabels: readonly string[],
): PodLabels | undefined {
  const matchLabels: Strings = target.spec?.selector?.matchLabels ?? {};
  const label = selectorLabels.find((name) => Object.hasOwn(matchLabels, name));
  const renamed = label === undefined ? {} : { [label]: primaryNameOf(matchLabels[label] ?? "") };
  const selector: Strings = primary?.spec?.selector?.matchLabels ?? {};
  if (Object.keys(selector).length === 0) {
    if (label === undefined) return undefined;
    const labels = { ...matchLabels, ...renamed };
    return { label, target: matchLabels, primary: labels, pods: labels };
  }
  const own = Object.keys(selector);
  const ownLabel =
    selectorLabels.find((name) => own.includes(name)) ??
    own.find((name) => selector[name] === primaryNameOf(matchLabels[name] ?? "")) ??
    label;
  if (ownLabel === undefined) return undefined;
  return { label: ownLabel, target: matchLabels, primary: selector, pods: { ...renamed, ...selector } };
}

/** Text of the event for a target without a selector label. */
export function noSelectorLabel(target: KubeObject, selectorLabels: readonly string[]): string {
  const kind = target.kind.toLowerCase();
  // The stray apostrophe is part of the text that existing alerts look for.
  const end = kind === "daemonset" ? "'" : "";
  const name = `${target.metadata.name}.${target.metadata.namespace ?? ""}`;
  return `${kind} ${name} spec.selector.matchLabels must contain one of [${selectorLabels.join(" ")}]${end}`;
}

function keep(map: Strings | undefined, wanted: (key: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => wanted(key)));
}
