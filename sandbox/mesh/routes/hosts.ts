/** Names of Services, in all the forms that clients and Istio's objects use. */

const SUFFIX = ".svc.cluster.local";

/** "podinfo.test.svc.cluster.local" */
export function fqdn(namespace: string, name: string): string {
  return `${name}.${namespace}${SUFFIX}`;
}

/**
 * The Service that a host names, as "namespace/name". Istio expands names without a dot only; here "name.namespace" is
 * understood too, as clients write it.
 * @returns undefined when the form says that it is no Service
 */
export function serviceKey(host: string, namespace: string): string | undefined {
  const name = host.endsWith(".") ? host.slice(0, -1) : host;
  const labels = name.split(".");
  const [first = "", second = "", third] = labels;
  if (first === "" || first.startsWith("*")) return undefined;
  if (labels.length === 1) return `${namespace}/${first}`;
  if (labels.length === 2) return `${second}/${first}`;
  if (third !== "svc") return undefined;
  return labels.length === 3 || name.endsWith(SUFFIX) ? `${second}/${first}` : undefined;
}

/**
 * The full name that a host of a VirtualService stands for; names with dots stay, unless they are a Service's short
 * form.
 */
export function expandHost(host: string, namespace: string, isService: (key: string) => boolean): string {
  if (host === "*" || host.startsWith("*.")) return host;
  const key = serviceKey(host, namespace);
  if (key === undefined || (host.includes(".") && !isService(key))) return host.toLowerCase();
  const slash = key.indexOf("/");
  return fqdn(key.slice(0, slash), key.slice(slash + 1));
}

/** Whether a name falls under a pattern: "*", "*.example.com" or the name itself. */
export function covers(pattern: string, name: string): boolean {
  if (pattern === "*" || pattern === name) return true;
  return pattern.startsWith("*.") && name.endsWith(pattern.slice(1)) && name !== pattern.slice(1);
}

/** The narrower one of two patterns when one covers the other. */
export function narrower(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Values by host pattern; the most specific pattern wins. */
export interface HostTable<Value> {
  find(host: string): Value | undefined;
}

export function hostTable<Value>(entries: ReadonlyMap<string, Value>): HostTable<Value> {
  const wildcards = [...entries].filter(([host]) => host.startsWith("*")).sort(([a], [b]) => b.length - a.length);
  return {
    find: (host) => entries.get(host) ?? wildcards.find(([pattern]) => covers(pattern, host))?.[1],
  };
}
