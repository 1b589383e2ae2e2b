/** Canaries in 50 namespaces, a tenth of which are released now. */
import type { ApiServer } from "../sandbox/api-server/index.ts";
import { crds } from "../src/crd/index.ts";
import { RESOURCES } from "../src/ports/kubernetes.ts";

export function fillWithCanaries(server: ApiServer, count: number): void {
  for (const crd of crds()) server.cluster.create(RESOURCES.crd, crd as never);
  for (let index = 0; index < 50; index += 1) {
    const metadata = { name: `team-${index}` };
    server.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata });
  }
  for (let index = 0; index < count; index += 1) {
    const metadata = { name: `service-${index}`, namespace: `team-${index % 50}` };
    const object = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata, spec: SPEC };
    const made = server.cluster.create(RESOURCES.canary, object);
    const phase = index % 10 === 0 ? "Progressing" : index % 7 === 0 ? "Failed" : "Succeeded";
    const status = { phase, canaryWeight: index % 10 === 0 ? 20 : 0, failedChecks: 0 };
    server.cluster.updateStatus(RESOURCES.canary, { ...made, status });
  }
}

const SPEC = {
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "service" },
  service: { port: 80 },
  analysis: { interval: "60s", threshold: 5, maxWeight: 50, stepWeight: 10 },
};
