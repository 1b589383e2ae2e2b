import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };

const SERVICE: KubeObject = {
  apiVersion: "serving.knative.dev/v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test", annotations: { "flagger.app/primary-revision": "podinfo-00001" } },
  spec: { template: { spec: {} } },
  status: { latestCreatedRevisionName: "podinfo-00002" },
};

export const SPECIMENS: readonly Specimen[] = [
  {
    router: "knative",
    what: "a Knative Service",
    parts: { spec: { provider: "knative", targetRef } },
    world: [SERVICE],
  },
];
