import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const EVERYTHING = {
  meshName: "global",
  backends: ["backend.test", "arn:aws:appmesh:eu-west-1:1:mesh/global/virtualService/x"],
  hosts: ["a.example.com", "b.example.com"],
  timeout: "15s",
  retries: { attempts: 3, perTryTimeout: "1s", retryOn: "server-error,gateway-error" },
  match: [{ uri: { prefix: "/a" } }],
  portName: "grpc",
};
const MATCH = [
  { headers: { "x-canary": { exact: "insider" }, b: { regex: "c" } } },
  { headers: { d: { suffix: "e" } } },
];

const service = (name: string, app: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "test" },
  spec: { selector: { app } },
});
const SERVICES = [service("podinfo-primary", "podinfo-primary"), service("podinfo-canary", "podinfo")];

export const SPECIMENS: readonly Specimen[] = ["appmesh", "appmesh:v1beta2"].flatMap((router): Specimen[] => {
  const spec = { provider: router };
  const world = SERVICES;
  const mesh = { meshName: "global" };
  return [
    { router, what: "a minimal Canary", parts: { spec, service: mesh }, world },
    { router, what: "a Canary with everything", parts: { spec, service: EVERYTHING }, world },
    { router, what: "an A/B test", parts: { spec, service: mesh, analysis: { iterations: 3, match: MATCH } }, world },
  ];
});
