import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Specimen } from "../specimen.ts";

const service = (name: string, app: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "test" },
  spec: { selector: { app } },
});
const SERVICES = [service("podinfo-primary", "podinfo-primary"), service("podinfo-canary", "podinfo")];

const CONFIG: KubeObject = {
  apiVersion: "gloo.solo.io/v1",
  kind: "Upstream",
  metadata: { name: "config", namespace: "test" },
  spec: { connectionConfig: { connectTimeout: "2s" }, loadBalancerConfig: { roundRobin: {} }, static: { hosts: [] } },
};

const spec = { provider: "gloo" };
const upstreamRef = { apiVersion: "gloo.solo.io/v1", kind: "Upstream", name: "config" };
const match = [{ headers: { "x-canary": { exact: "insider" }, b: { regex: "c" } } }, { method: { exact: "GET" } }];

export const SPECIMENS: readonly Specimen[] = [
  { router: "gloo", what: "a minimal Canary", parts: { spec }, world: SERVICES },
  {
    ...{ router: "gloo", what: "a Canary with an Upstream to copy from" },
    ...{ parts: { spec: { ...spec, upstreamRef } }, world: [...SERVICES, CONFIG] },
  },
  { router: "gloo", what: "an A/B test", parts: { spec, analysis: { iterations: 3, match } }, world: SERVICES },
];
