/** Services that a route sends to. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { Cluster } from "../../cluster.ts";
import { GATEWAY_API, GATEWAY_GROUP } from "../../crds/gateway-api.ts";

/** Why requests cannot be sent there; undefined: they can. */
export function backendProblem(
  cluster: Cluster,
  route: KubeObject,
  backend: KubeFields,
): { readonly reason: string; readonly message: string } | undefined {
  const { group = "", kind = "Service", name } = backend;
  if (group !== "" || kind !== "Service") {
    return { reason: "InvalidKind", message: `${kind} ${name}: the sandbox's gateway sends to Services only` };
  }
  const namespace = namespaceOf(route, backend);
  if (!isGranted(cluster, route, namespace, name)) {
    const from = `${route.kind}s of namespace ${route.metadata.namespace}`;
    const message = `no ReferenceGrant of namespace ${namespace} lets ${from} send to Service ${name}`;
    return { reason: "RefNotPermitted", message };
  }
  const there = cluster.get(RESOURCES.service, namespace, name) !== undefined;
  return there ? undefined : { reason: "BackendNotFound", message: `Service ${namespace}/${name} is not there` };
}

/** In the words of a VirtualService. */
export function destinationOf(route: KubeObject, backend: KubeFields): KubeFields {
  const host = `${backend.name}.${namespaceOf(route, backend)}.svc.cluster.local`;
  return { host, ...(backend.port !== undefined && { port: { number: backend.port } }) };
}

const namespaceOf = (route: KubeObject, { namespace }: KubeFields): string =>
  namespace ?? route.metadata.namespace ?? "";

function isGranted(cluster: Cluster, { kind, metadata }: KubeObject, namespace: string, name: string): boolean {
  if (namespace === metadata.namespace) return true;
  return cluster.list(GATEWAY_API.referenceGrant, namespace).some(({ spec }) => {
    const from: readonly KubeFields[] = spec?.from ?? [];
    const to: readonly KubeFields[] = spec?.to ?? [];
    return (
      from.some((one) => one.group === GATEWAY_GROUP && one.kind === kind && one.namespace === metadata.namespace) &&
      to.some((one) => one.group === "" && one.kind === "Service" && (one.name ?? name) === name)
    );
  });
}
