import type { KubeFields } from "../../ports/kubernetes.ts";
import { kindOfRouter, type MeshReader } from "./mesh-reader.ts";

export const GATEWAY_API: MeshReader = {
  type: kindOfRouter("gatewayapi:v1", "HTTPRoute"),
  weights({ spec }, service) {
    const rules: readonly KubeFields[] = spec?.rules ?? [];
    const knows = (rule: KubeFields) => weightOf(rule, `${service}-canary`) !== undefined;
    const split = rules.filter(knows).at(-1);
    if (split === undefined) return undefined;
    const mirrors = ({ requestMirror }: KubeFields) => requestMirror?.backendRef?.name === `${service}-canary`;
    return {
      primary: weightOf(split, `${service}-primary`) ?? 0,
      canary: weightOf(split, `${service}-canary`) ?? 0,
      mirror: (split.filters ?? []).some(mirrors),
      matchedOnly: rules.some((rule) => !knows(rule)),
    };
  },
  even(_object, service) {
    const backendRefs = ["primary", "canary"].map((role) => ({ name: `${service}-${role}`, port: 9898, weight: 50 }));
    return { rules: [{ backendRefs }] };
  },
};

/** An absent weight is 1. */
function weightOf({ backendRefs }: KubeFields, name: string): number | undefined {
  const ref = (backendRefs ?? []).find((candidate: KubeFields) => candidate.name === name);
  return ref === undefined ? undefined : (ref.weight ?? 1);
}
