import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const routeRef = { apiVersion: "apisix.apache.org/v2", kind: "ApisixRoute", name: "shop" };

const ROUTE: KubeObject = {
  apiVersion: "apisix.apache.org/v2",
  kind: "ApisixRoute",
  metadata: { name: "shop", namespace: "test", labels: { app: "podinfo" }, annotations: { a: "b" } },
  spec: {
    stream: [{ name: "tcp", match: { ingressPort: 9000 } }],
    http: [
      { name: "static", match: { paths: ["/static"] }, backends: [{ serviceName: "static", servicePort: 80 }] },
      {
        name: "method",
        match: { hosts: ["app.example.com"], methods: ["GET"], paths: ["/*"] },
        plugins: [{ name: "prometheus", enable: true, config: { prefer_name: true } }],
        backends: [{ serviceName: "podinfo", servicePort: 80, resolveGranularity: "service" }],
      },
    ],
  },
};

export const SPECIMENS: readonly Specimen[] = [
  { router: "apisix", what: "a minimal Canary", parts: { spec: { provider: "apisix", routeRef } }, world: [ROUTE] },
];
