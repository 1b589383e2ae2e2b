import { parseBounded } from "../json/bounded-json.ts";
import type { Fields } from "../ports/kubernetes-types.ts";
import { FLUX_OPT_OUT } from "../ports/owner.ts";

type Strings = Readonly<Record<string, string>>;

/** The annotation in which `kubectl apply` stores the manifest that the owner applied. */
export const KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** The annotation in which the operator stores the spec of an object that existed before the Canary, as JSON. */
export const ORIGINAL_ANNOTATION = "flagger.kubernetes.io/original-configuration";

/**
 * Annotations of an object that is handed back: Flux may manage it again, unless the owner had disabled Flux (R21).
 * @param owners annotations of the owner's manifest, as far as it is known
 */
export function withoutOurs(annotations: Strings, owners: Strings): Record<string, string> {
  const ours = new Set([ORIGINAL_ANNOTATION, ...Object.keys(FLUX_OPT_OUT)].filter((key) => owners[key] === undefined));
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !ours.has(key)));
}

/**
 * The object that an annotation holds as JSON. A person who may edit the object may write anything there.
 * @param of the object, as the contract names it @throws Error with the text of the event
 */
export function annotatedObject(text: string, annotation: string, of: string): Fields {
  const refusal = (why: string) =>
    new Error(`${of} failed to unMarshal annotation ${annotation}: ${why}; remove the annotation or mend it`);
  let found: unknown;
  try {
    found = parseBounded(text);
  } catch (cause) {
    throw refusal(cause instanceof RangeError ? cause.message : "it is no JSON");
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw refusal("it is no JSON object");
  return found as Fields;
}
