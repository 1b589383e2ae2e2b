import type { Specimen } from "../specimen.ts";

const NAMES = ["linkerd", "osm", "smi:v1alpha1", "smi:v1alpha2", "smi:v1alpha3"];

export const SPECIMENS: readonly Specimen[] = NAMES.flatMap((router): Specimen[] => [
  { router, what: "a minimal Canary", parts: { spec: { provider: router } }, world: [] },
  { router, what: "a host", parts: { spec: { provider: router }, service: { hosts: ["a.example.com"] } }, world: [] },
]).concat({
  ...{ router: "smi:v1alpha2", what: "Istio by way of SMI", world: [] },
  parts: { spec: { provider: "smi:v1alpha2:istio" }, service: { gateways: ["istio-system/gw"] } },
});
