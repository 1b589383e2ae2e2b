/**
 * Objects of other owners with names that the operator wants for its own. It must not touch them, and waits until they
 * are gone.
 */
import type { KubeObject } from "../ports/kubernetes.ts";
import type { Chance } from "./random.ts";
import type { Scenario } from "./scenario.ts";

const LABEL = "simulation/foreign";

export const isForeign = ({ metadata }: KubeObject): boolean => metadata.labels?.[LABEL] !== undefined;

/** One object of another owner is there from the beginning, and its owner removes it in the end. */
export function withForeign(scenario: Scenario, chance: Chance): Scenario {
  const { name, namespace = "" } = scenario.target.metadata;
  const wanted = chance.pick(FOREIGN);
  const object = wanted(name, namespace);
  const taken = scenario.objects.some(
    ({ kind, metadata }) => kind === object.kind && metadata.name === object.metadata.name,
  );
  if (taken) return scenario;
  const users = [...scenario.users, { afterMs: chance.between(0, 200) * 1_000, kind: "delete-foreign" } as const];
  return { ...scenario, objects: [...scenario.objects, object], users };
}

type Foreign = (target: string, namespace: string) => KubeObject;

function foreign(apiVersion: string, kind: string, suffix: string, fields: object): Foreign {
  return (target, namespace) => {
    const metadata = { name: `${target}${suffix}`, namespace, labels: { [LABEL]: "true" } };
    return { apiVersion, kind, metadata, ...fields };
  };
}

const labels = { app: "db" };
const template = { metadata: { labels }, spec: { containers: [{ name: "db", image: "db:1" }] } };
const workload = { spec: { replicas: 1, selector: { matchLabels: labels }, template } };
const service = { spec: { selector: labels, ports: [{ port: 5432 }] } };
const scaler = { spec: { scaleTargetRef: { kind: "Deployment", name: "db" }, minReplicas: 1, maxReplicas: 2 } };

const FOREIGN: readonly [Foreign, ...Foreign[]] = [
  foreign("apps/v1", "Deployment", "-primary", workload),
  foreign("v1", "Service", "-primary", service),
  foreign("v1", "Service", "-canary", service),
  foreign("v1", "ConfigMap", "-config-primary", { data: { theirs: "1" } }),
  // Met in the middle of a run, when the target is edited to read another ConfigMap.
  foreign("v1", "ConfigMap", "-config-green-primary", { data: { theirs: "1" } }),
  foreign("v1", "Secret", "-secret-primary", { data: { theirs: "MQ==" } }),
  foreign("autoscaling/v2", "HorizontalPodAutoscaler", "-primary", scaler),
];
