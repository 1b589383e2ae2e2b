import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const ingressRef = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "podinfo" };

const INGRESS: KubeObject = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: {
    name: "podinfo",
    namespace: "test",
    annotations: { "kubernetes.io/ingress.class": "skipper", "zalando.org/skipper-predicate": "Host(/x/)" },
  },
  spec: {
    rules: [
      {
        host: "app.example.com",
        http: {
          paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "podinfo", port: { number: 80 } } } }],
        },
      },
    ],
  },
};

export const SPECIMENS: readonly Specimen[] = [
  {
    router: "skipper",
    what: "a minimal Canary",
    parts: { spec: { provider: "skipper", ingressRef } },
    world: [INGRESS],
  },
];
