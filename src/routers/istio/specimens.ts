import type { Specimen } from "../specimen.ts";

const AFFINITY = { sessionAffinity: { cookieName: "canary-cookie", primaryCookieName: "primary-cookie" } };

const PARTS: Readonly<Record<string, Specimen["parts"]>> = {
  "a minimal Canary": {},
  "a Canary with everything": {
    service: {
      hosts: ["app.example.com"],
      gateways: ["istio-system/gw"],
      portDiscovery: true,
      timeout: "15s",
      retries: { perTryTimeout: "1s" },
      match: [{ uri: { prefix: "/" } }, { headers: { a: { exact: "b" } } }],
      rewrite: { uri: "/", type: "ReplaceFullPath" },
      headers: { request: { add: { a: "b" } } },
      corsPolicy: { allowOrigin: ["example.com"] },
      trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
      apex: { labels: { team: "a" }, annotations: { x: "y" } },
    },
  },
  "an A/B test": { analysis: { iterations: 3, match: [{ headers: { cookie: { exact: "canary" } } }] } },
  "an A/B test with weights": { analysis: { stepWeight: 10, match: [{ sourceLabels: { app: "web" } }] } },
  "session affinity": { analysis: AFFINITY },
  "session affinity with matches": { analysis: AFFINITY, service: { match: [{ uri: { prefix: "/a" } }] } },
  "a delegated Canary": { service: { delegation: true, portDiscovery: true } },
};

const TCP = { service: { appProtocol: "TCP", match: [{ port: 9898 }, { uri: { prefix: "/" } }] } };

export const SPECIMENS: readonly Specimen[] = [
  ...Object.entries(PARTS).map(([what, parts]) => ({ router: "istio", what, parts, world: [] })),
  { router: "istio", what: "a TCP service", parts: TCP, world: [], mirrors: false },
];
