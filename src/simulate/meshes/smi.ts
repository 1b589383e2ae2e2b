import type { KubeFields } from "../../ports/kubernetes.ts";
import { kindOfRouter, type MeshReader } from "./mesh-reader.ts";

export const LINKERD: MeshReader = {
  type: kindOfRouter("linkerd", "TrafficSplit"),
  weights({ spec }, service) {
    const backends: readonly KubeFields[] = spec?.backends ?? [];
    const weightOf = (name: string) => Number(backends.find((backend) => backend.service === name)?.weight ?? 0);
    const [primary, canary] = [weightOf(`${service}-primary`), weightOf(`${service}-canary`)];
    return primary + canary === 0 ? undefined : { primary, canary, mirror: false, matchedOnly: false };
  },
  even(_object, service) {
    return {
      service,
      backends: ["canary", "primary"].map((role) => ({ service: `${service}-${role}`, weight: "50" })),
    };
  },
};
