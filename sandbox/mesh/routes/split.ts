/** Weighted destinations. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import { headerEdits } from "./header-edits.ts";
import { serviceKey } from "./hosts.ts";
import type { Destination, Split } from "./route.ts";

/** @param destination `{host, subset, port: {number}}` @param headers of the weighted destination */
export function destinationOf(destination: KubeFields, namespace: string, headers?: KubeFields): Destination {
  const host = String(destination?.host ?? "");
  return {
    service: serviceKey(host, namespace) ?? host,
    port: destination?.port?.number,
    subset: destination?.subset ?? "",
    request: headerEdits(headers?.request),
    response: headerEdits(headers?.response),
  };
}

/**
 * Weights need not sum to 100. A single destination gets everything, at any weight; several that all weigh
 * nothing get nothing.
 */
export function splitOf(routes: readonly KubeFields[], namespace: string): Split {
  const all = routes.map((route) => ({
    destination: {
      ...destinationOf(route.destination, namespace, route.headers),
      ...(route.ingress !== undefined && { ingress: route.ingress }),
    },
    weight: routes.length === 1 ? 1 : Math.max(0, Number(route.weight ?? 0)),
  }));
  const chosen = all.filter(({ weight }) => weight > 0);
  const total = chosen.reduce((sum, { weight }) => sum + weight, 0);
  let sum = 0;
  const upTo = chosen.map(({ weight }) => {
    sum += weight;
    return sum / total;
  });
  return { destinations: chosen.map(({ destination }) => destination), upTo };
}
