/** What must hold before the operator begins; each failure says what is missing. */

import type { KubeTransport } from "../../kube/transport.ts";
import { isNotFound, KubeError } from "../../ports/kube.ts";
import { apiVersionOf, collectionPath, RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";

/** Ends the process with code 1. */
export class StartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StartupError";
  }
}

const KINDS = [RESOURCES.canary, RESOURCES.metricTemplate, RESOURCES.alertProvider];

/** @throws StartupError */
export async function checkCluster(
  transport: KubeTransport,
  namespace: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const type of KINDS) {
    try {
      await transport.send({ method: "GET", path: collectionPath(type, namespace), query: { limit: "1" } }, signal);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const remedy = isNotFound(error)
        ? `: apply deploy/crds (kind ${type.kind} of ${apiVersionOf(type)}) first`
        : ` (API server ${transport.server})`;
      throw new StartupError(`${type.kind} CRD is not registered ${error.message}${remedy}`, { cause: error });
    }
  }
  await checkVersion(transport, log, signal);
}

async function checkVersion(transport: KubeTransport, log: Log, signal: AbortSignal): Promise<void> {
  let version: string;
  try {
    version = (await transport.send({ method: "GET", path: "/version" }, signal)).gitVersion ?? "";
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    throw new StartupError(`Error calling Kubernetes API: ${error.message}`, { cause: error });
  }
  const [, major = "0", minor = "0"] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) !== 1 || Number(minor) < 11) {
    throw new StartupError(`Unsupported version of kubernetes detected.  Expected ^1.11.0, got ${version}`);
  }
  log.info({}, `Connected to Kubernetes API ${version}`);
}
