/**
 * ServiceAccounts beside a real API server: each namespace has its `default`, and pods have tokens that the API server
 * signs.
 */
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { ApiError, type Cluster } from "../cluster.ts";
import { isTerminating } from "../controllers/objects.ts";
import { SERVICE_ACCOUNT } from "../controllers/types.ts";
import type { RealCluster } from "./cluster.ts";

/** As the controller of this name does it. @returns stops */
export function startServiceAccounts(cluster: Cluster): () => void {
  return cluster.watch(RESOURCES.namespace, ({ type, object }) => {
    if (type !== "DELETED" && !isTerminating(object)) ensureDefault(cluster, object.metadata.name);
  });
}

function ensureDefault(cluster: Cluster, namespace: string): void {
  const metadata = { name: "default", namespace };
  if (cluster.get(SERVICE_ACCOUNT, namespace, metadata.name) !== undefined) return;
  try {
    cluster.create(SERVICE_ACCOUNT, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  } catch (error) {
    // Another client made the account, or the namespace is on its way out.
    if (!(error instanceof ApiError && [403, 404, 409].includes(error.code))) throw error;
  }
}

export function accountTokens({ cluster, api }: RealCluster): (namespace: string, account: string) => string {
  return (namespace, account) => {
    if (account === "default") ensureDefault(cluster, namespace);
    return api.token(namespace, account);
  };
}
