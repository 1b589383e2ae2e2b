import type { KubeFields } from "../../ports/kubernetes.ts";
import { kindOfRouter, type MeshReader } from "./mesh-reader.ts";

export const TRAEFIK: MeshReader = {
  type: kindOfRouter("traefik", "TraefikService"),
  weights({ spec }, service) {
    const services: readonly KubeFields[] = spec?.weighted?.services ?? [];
    const weightOf = (name: string): number => {
      const found = services.find((candidate) => candidate.name === name);
      return found === undefined ? 0 : (found.weight ?? 1);
    };
    const [primary, canary] = [weightOf(`${service}-primary`), weightOf(`${service}-canary`)];
    return primary + canary === 0 ? undefined : { primary, canary, mirror: false, matchedOnly: false };
  },
  even(_object, service) {
    const services = ["primary", "canary"].map((role) => ({ name: `${service}-${role}`, port: 9898, weight: 50 }));
    return { weighted: { services } };
  },
};
