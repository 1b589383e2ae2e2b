import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { MeshReader } from "./mesh-reader.ts";

export const ISTIO: MeshReader = {
  type: RESOURCES.virtualService,
  knowsVisitors: true,
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
  fault({ spec }) {
    for (const rule of [...(spec?.http ?? []), ...(spec?.tcp ?? [])]) {
      const weights: readonly number[] = rule.route.map(({ weight }: KubeFields) => weight ?? 0);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const bad = weights.some((weight) => weight < 0 || weight > 100 || !Number.isInteger(weight));
      // A single destination gets everything, at any weight.
      if (bad || (weights.length > 1 && sum !== 100)) return `a rule has weights ${weights.join(" + ")}`;
    }
    return undefined;
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
