/** Names, labels, annotations and owners of the objects that are made for a Canary: rules shared by all target kinds. */
import type { KubeObject } from "../ports/kubernetes.ts";

type Strings = Readonly<Record<string, string>>;

/** Keys with this in them tie an object to its Flux source; on a copy they would make Flux delete or rewrite it. */
const FLUX_MARKER = "toolkit.fluxcd.io";

/** Names the promotion that a pod template came from. A new value rolls the pods. */
export const PROMOTION_ID_ANNOTATION = "flagger-id";

/** "podinfo" -> "podinfo-primary": objects, label values and configs alike. */
export function primaryNameOf(name: string): string {
  return `${name}-primary`;
}

/** Without what belongs to Flux. */
export function withoutFlux(map: Strings | undefined): Record<string, string> {
  return keep(map, (key) => !key.includes(FLUX_MARKER));
}

/**
 * What of a target's labels or annotations its primary may carry: keys that begin with one of `prefixes`
 * (`-include-label-prefix`). `*` stands for all keys; an empty prefix, which is the default, for none. Never Flux's own.
 */
export function filterPrefixes(map: Strings | undefined, prefixes: readonly string[]): Record<string, string> {
  const wanted = (key: string) =>
    prefixes.some((prefix) => prefix === "*" || (prefix !== "" && key.startsWith(prefix)));
  return keep(withoutFlux(map), wanted);
}

/** Labels of a primary object or of its pods: those given, less Flux's, selecting the primary. */
export function primaryLabels(
  labels: Strings | undefined,
  selectorLabel: string,
  primaryValue: string,
): Record<string, string> {
  return { ...withoutFlux(labels), [selectorLabel]: primaryValue };
}

/** Annotations of the primary's pod template: the target's, less Flux's, under the promotion's own id. */
export function podAnnotations(annotations: Strings | undefined, id: string): Record<string, string> {
  return { ...withoutFlux(annotations), [PROMOTION_ID_ANNOTATION]: id };
}

/** The label that tells the target's pods from the primary's. */
export interface SelectorLabel {
  readonly label: string;
  /** On the target's pods. */
  readonly value: string;
  /** On the primary's pods. */
  readonly primaryValue: string;
}

/**
 * The first of `selectorLabels` (`-selector-labels`) in the target's `spec.selector.matchLabels`; undefined when it has
 * none of them, which `noSelectorLabel` puts in words.
 */
export function selectorLabelOf(target: KubeObject, selectorLabels: readonly string[]): SelectorLabel | undefined {
  const matchLabels: Strings = target.spec?.selector?.matchLabels ?? {};
  const label = selectorLabels.find((name) => Object.hasOwn(matchLabels, name));
  const value = label === undefined ? undefined : matchLabels[label];
  if (label === undefined || value === undefined) return undefined;
  return { label, value, primaryValue: primaryNameOf(value) };
}

/** Text of the event for a target without a selector label. */
export function noSelectorLabel(target: KubeObject, selectorLabels: readonly string[]): string {
  const kind = target.kind.toLowerCase();
  // The stray apostrophe is part of the text that is matched by existing alerts.
  const end = kind === "daemonset" ? "'" : "";
  const name = `${target.metadata.name}.${target.metadata.namespace ?? ""}`;
  return `${kind} ${name} spec.selector.matchLabels must contain one of [${selectorLabels.join(" ")}]${end}`;
}

function keep(map: Strings | undefined, wanted: (key: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => wanted(key)));
}
