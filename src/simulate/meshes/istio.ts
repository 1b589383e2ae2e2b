import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { MeshReader } from "./mesh-reader.ts";

export const ISTIO: MeshReader = {
  type: RESOURCES.virtualService,
  weights({ spec }: KubeObject, service) {
    const rules: readonly KubeFields[] = [...(spec?.http ?? []), ...(spec?.tcp ?? [])];
    // Rules before the last rule that names the canary are sticky sessions.
    const split = rules.filter((rule) => hostsOf(rule).includes(`${service}-canary`)).at(-1);
    if (split === undefined) return undefined;
    return {
      primary: weightOf(split, `${service}-primary`),
      canary: weightOf(split, `${service}-canary`),
      mirror: split.mirror?.host !== undefined,
      matchedOnly: rules.some((rule) => !hostsOf(rule).includes(`${service}-canary`)),
    };
  },
  even(_object, service) {
    const route = ["primary", "canary"].map((role) => ({ destination: { host: `${service}-${role}` }, weight: 50 }));
    return { http: [{ route }] };
  },
};

const hostsOf = (rule: KubeFields): readonly string[] =>
  (rule.route ?? []).map((route: KubeFields) => route.destination?.host ?? "");

function weightOf(rule: KubeFields, host: string): number {
  return (rule.route ?? []).find((route: KubeFields) => route.destination?.host === host)?.weight ?? 0;
}
