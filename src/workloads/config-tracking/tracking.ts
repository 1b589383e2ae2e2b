/** Which configs of a target are watched for changes and copied for the primary, and whether they have changed. */
import type { KubeObject } from "../../ports/kubernetes.ts";
import { configChecksum } from "./checksum.ts";
import { type ConfigKind, type ConfigRef, configKey } from "./references.ts";

const OPT_OUT_ANNOTATION = "flagger.app/config-tracking";
/** Secrets that users write. Other Secrets (tokens, registry logins, Helm releases) belong to a controller. */
const SECRET_TYPES = new Set(["Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"]);

export interface TrackedConfig {
  readonly ref: ConfigRef;
  readonly object: KubeObject;
  readonly checksum: string;
}

export interface TrackedConfigs {
  /** By `configKey`. */
  readonly configs: ReadonlyMap<string, TrackedConfig>;
  /** References to configs that do not exist. The pods cannot start when one of them is not optional. */
  readonly missing: readonly ConfigRef[];
}

/**
 * False when the owner opted out (annotation `flagger.app/config-tracking: disabled`) or a controller owns the Secret.
 */
export function isTracked(object: KubeObject): boolean {
  const optOut = object.metadata.annotations?.[OPT_OUT_ANNOTATION] ?? "";
  return !optOut.startsWith("disable") && SECRET_TYPES.has(object.type || "Opaque");
}

/** Looks up every reference and keeps those that are tracked. */
export function trackedConfigs(
  refs: readonly ConfigRef[],
  lookup: (kind: ConfigKind, name: string) => KubeObject | undefined,
): TrackedConfigs {
  const configs = new Map<string, TrackedConfig>();
  const missing: ConfigRef[] = [];
  for (const ref of refs) {
    const object = lookup(ref.kind, ref.name);
    if (object === undefined) missing.push(ref);
    else if (isTracked(object)) configs.set(configKey(ref), { ref, object, checksum: configChecksum(object) });
  }
  return { configs, missing };
}

/** As stored in `status.trackedConfigs`; an empty object when nothing is referenced. */
export function checksumsOf({ configs }: Pick<TrackedConfigs, "configs">): Record<string, string> {
  return Object.fromEntries([...configs].map(([key, { checksum }]) => [key, checksum]));
}

/** Text of the error for a mandatory config that does not exist, in Flagger's words. */
export function missingConfig({ kind, name }: ConfigRef, namespace: string): string {
  const query = `${kind} ${name}.${namespace} get query error: `;
  return `${query}${query}${kind}s "${name}" not found`;
}
