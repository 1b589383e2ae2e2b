import { FLUX_OPT_OUT } from "../ports/owner.ts";

type Strings = Readonly<Record<string, string>>;

/** What `kubectl apply` remembers of an object: the manifest of its owner. */
export const KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Where we remember the spec of an object that was there before us, as JSON. */
export const ORIGINAL_ANNOTATION = "flagger.kubernetes.io/original-configuration";

/**
 * Annotations of an object that is given back: Flux may manage it again, unless its owner had forbidden that himself (R21).
 * @param owners those of the owner's manifest, as far as it is known
 */
export function withoutOurs(annotations: Strings, owners: Strings): Record<string, string> {
  const ours = new Set([ORIGINAL_ANNOTATION, ...Object.keys(FLUX_OPT_OUT)].filter((key) => owners[key] === undefined));
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !ours.has(key)));
}
