/** The Gateways of the sandbox and their HTTPRoutes, as Gateways and VirtualServices that are never stored. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { GATEWAY_API } from "../../crds/gateway-api.ts";
import { byAge } from "../pools.ts";
import { attachmentsOf, listenersOf, ownGateways } from "./attachment.ts";
import { byRank, type RankedRule, rulesOfRoute } from "./rules.ts";

export interface Translated {
  readonly gateways: readonly KubeObject[];
  readonly rules: readonly KubeObject[];
}

/** Not the name of a Gateway of Istio's, which may have the same one. */
const idOf = (parent: string): string => `gateway-api/${parent.replace("/", ".")}`;

interface Place {
  readonly gateway: string;
  readonly host: string;
  readonly rules: RankedRule[];
}

export function translateGatewayApi(cluster: Cluster): Translated {
  const own = ownGateways(cluster);
  const places = new Map<string, Place>();
  for (const route of [...cluster.list(GATEWAY_API.httpRoute)].sort(byAge)) {
    const attachments = attachmentsOf(cluster, route, own).filter(({ hosts }) => hosts.length > 0);
    if (attachments.length === 0) continue;
    const rules = rulesOfRoute(cluster, route);
    for (const { kind, parent, parentRef, hosts } of attachments) {
      const gateway = kind === "Service" ? "mesh" : idOf(parent);
      const meant = kind === "Service" && parentRef.port !== undefined ? rules.map(atPort(parentRef.port)) : rules;
      for (const host of hosts) {
        const key = `${gateway} ${host}`;
        const place = places.get(key) ?? { gateway, host, rules: [] };
        places.set(key, place);
        place.rules.push(...meant);
      }
    }
  }
  return { gateways: own.map(gatewayOf), rules: [...places.values()].map(ruleObject) };
}

const atPort =
  (port: number) =>
  ({ rank, http }: RankedRule): RankedRule => ({
    rank,
    http: { ...http, match: http.match.map((match: KubeFields) => ({ ...match, port })) },
  });

function gatewayOf(gateway: KubeObject): KubeObject {
  const { namespace = "", name } = gateway.metadata;
  const [id = "", own = ""] = idOf(`${namespace}/${name}`).split("/");
  const [listener] = listenersOf(gateway);
  return {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "Gateway",
    metadata: { namespace: id, name: own },
    // Which hosts the listeners let in was decided for each route.
    spec: { servers: [{ port: { number: listener?.port ?? 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }] },
  };
}

/**
 * The rules of all routes for one host, the narrowest first; rules of one rank stay in the order of their routes' age.
 */
function ruleObject({ gateway, host, rules }: Place): KubeObject {
  const http = [...rules].sort(byRank).map((rule) => rule.http);
  return {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { namespace: "gateway-api", name: host },
    spec: { hosts: [host], gateways: [gateway], http },
  };
}
