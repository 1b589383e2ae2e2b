/**
 * Connects to one cluster, or to two. With `-kubeconfig-service-mesh` the routes are in the cluster of the mesh's
 * control plane, and everything else is in the cluster of the Canaries.
 */

import { createKubeClient } from "../../kube/client.ts";
import { type ClusterCache, createClusterCache } from "../../kube/cluster-cache.ts";
import type { Ledger } from "../../kube/ledger.ts";
import type { WatchPorts } from "../../kube/reflector.ts";
import type { KubeTransport } from "../../kube/transport.ts";
import type { KubeReader, KubeWriter, ObjectCache, ObjectRemover, ObjectWriter } from "../../ports/kube.ts";
import { RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";
import { keptOf } from "./kept-objects.ts";

export interface Clusters {
  readonly client: KubeReader & KubeWriter;
  readonly cache: ClusterCache;
  /** Where an object of this kind is written. */
  readonly writer: ObjectWriter & ObjectRemover;
  /** Reads from the API server, not from a cache. */
  readonly read: KubeReader["get"];
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  /** False: routes cannot be owned by their Canary, because an owner must be in the same cluster. */
  readonly routesCanBeOwned: boolean;
}

export interface ClustersOptions extends Omit<WatchPorts, "transport"> {
  readonly transport: KubeTransport;
  /** Absent: routes are where the Canaries are. */
  readonly meshTransport?: KubeTransport;
  /** The only namespace to watch; "" for all. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** How much memory the objects of each namespace may take. */
  readonly ledger: Ledger;
}

/** Groups whose objects are always in the Canaries' cluster. */
const HOME_GROUPS = new Set(
  [
    ...[RESOURCES.canary, RESOURCES.deployment, RESOURCES.service, RESOURCES.hpa, RESOURCES.scaledObject],
    ...[RESOURCES.lease, RESOURCES.knativeService, RESOURCES.ingress, STEERING.action],
  ].map(({ group }) => group),
);

export function connectClusters({
  transport,
  meshTransport,
  namespace,
  signal,
  ledger,
  ...ports
}: ClustersOptions): Clusters {
  const scope = {
    namespace,
    keeping: (type: ResourceType) => keptOf(type, ledger),
    perNamespace: (type: ResourceType) => type === RESOURCES.configMap || type === RESOURCES.secret,
  };
  const join = (to: KubeTransport) => ({
    client: createKubeClient(to, "flagger"),
    cache: createClusterCache({ ...ports, transport: to }, signal, scope),
  });
  const home = join(transport);
  const mesh = meshTransport === undefined ? home : join(meshTransport);
  const of = ({ group }: ResourceType) => (HOME_GROUPS.has(group) ? home : mesh);
  return {
    ...home,
    track: (type, inNamespace) => of(type).cache.track(type, inNamespace),
    read: (ref, stop) => of(ref.type).client.get(ref, stop),
    writer: {
      create: (type, object, stop) => of(type).client.create(type, object, stop),
      mergePatch: (ref, patch, options, stop) => of(ref.type).client.mergePatch(ref, patch, options, stop),
      delete: (ref, options, stop) => of(ref.type).client.delete(ref, options, stop),
    },
    routesCanBeOwned: meshTransport === undefined || meshTransport.server === transport.server,
  };
}
