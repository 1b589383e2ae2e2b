/** Secrets that MetricTemplates and AlertProviders name: their data goes to an address that a tenant writes. */
import type { KubeObject } from "../../ports/kubernetes.ts";

/**
 * Types of Secrets that programs write for themselves. A tenant who names such a Secret may not be allowed to read it.
 */
const NEVER_SENT =
  /^(?:kubernetes\.io\/(?:service-account-token|dockercfg|dockerconfigjson)|bootstrap\.kubernetes\.io\/token|helm\.sh\/)/;

/** @returns the data; a text when it must not be used */
export function credentialsOf(secret: KubeObject): ReadonlyMap<string, string> | string {
  const type: unknown = secret.type;
  if (typeof type === "string" && NEVER_SENT.test(type)) {
    return `secrets of type ${type} are never sent to a provider: copy what is meant into one of type Opaque`;
  }
  const entries = Object.entries((secret.data ?? {}) as Record<string, string>);
  // A Secret that was made of a file ends with a newline. A header may hold none.
  return new Map(entries.map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8").trim()]));
}
