import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const ingressRef = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "podinfo" };
const path = (name: string, at = "/") => ({
  path: at,
  pathType: "Prefix",
  backend: { service: { name, port: { number: 80 } } },
});

const INGRESS: KubeObject = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: {
    name: "podinfo",
    namespace: "test",
    labels: { app: "podinfo" },
    annotations: { "nginx.ingress.kubernetes.io/canary-weight-total": "100", "example.com/kept": "yes" },
  },
  spec: {
    ingressClassName: "nginx",
    tls: [{ hosts: ["app.example.com"], secretName: "cert" }],
    rules: [
      { host: "app.example.com", http: { paths: [path("podinfo"), path("other", "/other")] } },
      { host: "empty" },
    ],
  },
};

const spec = { provider: "nginx", ingressRef };
const match = [{ headers: { "x-canary": { exact: "insider" } } }, { headers: { cookie: { exact: "canary" } } }];

export const SPECIMENS: readonly Specimen[] = [
  { router: "nginx", what: "a minimal Canary", parts: { spec }, world: [INGRESS] },
  {
    ...{ router: "nginx", what: "an A/B test", world: [INGRESS], switches: true },
    parts: { spec, analysis: { iterations: 3, match } },
  },
];
