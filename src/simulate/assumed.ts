/** Objects that a Canary refers to and that no manifest describes: the simulation invents them, and reports that. */
import { apiVersionOf, type KubeFields, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { configRefs } from "../workloads/config-tracking/references.ts";
import type { HookBehaviour } from "./scenario.ts";

/** A sentence, and the object that makes it true; no object where the simulation needs none. */
export interface Assumption {
  readonly text: string;
  readonly object?: KubeObject;
}

export interface Described {
  readonly canary: KubeObject;
  readonly target: KubeObject;
  /** Whether a manifest of the target was given. */
  readonly targetGiven: boolean;
  readonly objects: readonly KubeObject[];
  /** Kinds that the simulated cluster does not hold: templates, providers. */
  readonly manifests: readonly KubeObject[];
  /** Values of metrics and behaviour of webhooks that the scenario names. */
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly hooks: Readonly<Record<string, HookBehaviour>>;
}

export function assumptionsFor(given: Described): readonly Assumption[] {
  return [
    ...target(given),
    ...scaler(given),
    ...configs(given),
    ...templates(given),
    ...webhooks(given),
    ...providers(given),
  ];
}

const namespaceOf = ({ canary }: Described): string => canary.metadata.namespace ?? "default";
const analysisOf = ({ canary }: Pick<Described, "canary">): KubeFields =>
  canary.spec?.analysis ?? canary.spec?.canaryAnalysis ?? {};

function has(objects: readonly KubeObject[], kind: string, name: string, namespace: string): boolean {
  return objects.some(
    ({ kind: found, metadata }) =>
      found === kind && metadata.name === name && (metadata.namespace ?? "default") === namespace,
  );
}

function target({ target: { kind, metadata, spec }, targetGiven }: Described): readonly Assumption[] {
  if (targetGiven) return [];
  const isCounted = kind === "Deployment" || kind === "StatefulSet";
  const pods = isCounted ? `${spec?.replicas} pods of ` : "";
  const image = spec?.template?.spec?.containers?.[0]?.image;
  return [{ text: `${kind} ${metadata.name}.${metadata.namespace} runs ${pods}${image}` }];
}

const MORE_PODS = 2;

function scaler(given: Described): readonly Assumption[] {
  const { kind, name, apiVersion } = given.canary.spec?.autoscalerRef ?? {};
  const namespace = namespaceOf(given);
  if (name === undefined || has(given.objects, kind, name, namespace)) return [];
  const { target } = given;
  const min: number = Math.max(1, target.spec?.replicas ?? 1);
  const max = min * MORE_PODS;
  const scaleTargetRef = { apiVersion: target.apiVersion, kind: target.kind, name: target.metadata.name };
  const spec =
    kind === "ScaledObject"
      ? { scaleTargetRef, minReplicaCount: min, maxReplicaCount: max, triggers: [aTrigger(target.metadata.name)] }
      : { scaleTargetRef, minReplicas: min, maxReplicas: max };
  const version: string = apiVersion ?? apiVersionOf(kind === "ScaledObject" ? RESOURCES.scaledObject : RESOURCES.hpa);
  const object = { apiVersion: version, kind, metadata: { name, namespace }, spec };
  return [{ text: `${kind} ${name}.${namespace} scales from ${min} to ${max} pods`, object }];
}

const aTrigger = (name: string) => ({
  type: "prometheus",
  name: "load",
  metadata: { query: `sum(rate(requests{app="${name}"}[1m]))` },
});

function configs(given: Described): readonly Assumption[] {
  const namespace = namespaceOf(given);
  const kinds = { configmap: "ConfigMap", secret: "Secret" } as const;
  return configRefs(given.target.spec?.template)
    .filter(({ kind, name, optional }) => !optional && !has(given.objects, kinds[kind], name, namespace))
    .map(({ kind, name }) => {
      const object = { apiVersion: "v1", kind: kinds[kind], metadata: { name, namespace }, data: {} };
      return { text: `${kinds[kind]} ${name}.${namespace} exists`, object };
    });
}

function templates(given: Described): readonly Assumption[] {
  const metrics: readonly KubeFields[] = analysisOf(given).metrics ?? [];
  return metrics
    .filter(({ name, templateRef, query }) => (templateRef !== undefined || query) && !(name in given.metrics))
    .map(({ name, templateRef }) => ({
      text: `metric "${name}" is as good as it must be${missing(templateRef, "MetricTemplate", given)} (--metric)`,
    }));
}

type Asked = Pick<Described, "canary" | "hooks">;

/** Names of the webhooks that the scenario does not describe. */
function silentHooks({ canary, hooks }: Asked, isWanted: (type: string) => boolean): readonly string[] {
  const all: readonly KubeFields[] = analysisOf({ canary }).webhooks ?? [];
  const silent = all.filter(({ name, type = "rollout" }) => isWanted(type) && !(name in hooks));
  return [...new Set(silent.map(({ name }) => name as string))];
}

/** A rollback hook that passes would roll back every release, so an invented one refuses. */
export function assumedHooks(given: Asked): Readonly<Record<string, HookBehaviour>> {
  const names = silentHooks(given, (type) => type === "rollback");
  return Object.fromEntries(names.map((name) => [name, { kind: "fails" } as const]));
}

function webhooks(given: Described): readonly Assumption[] {
  const passing = silentHooks(given, (type) => type !== "event" && type !== "rollback");
  const closed = silentHooks(given, (type) => type === "rollback");
  return [
    ...(passing.length === 0 ? [] : [{ text: `webhooks pass: ${passing.join(", ")} (--hook)` }]),
    ...(closed.length === 0 ? [] : [{ text: `no one asks for a rollback: ${closed.join(", ")} (--hook)` }]),
  ];
}

function providers(given: Described): readonly Assumption[] {
  const alerts: readonly KubeFields[] = analysisOf(given).alerts ?? [];
  return alerts
    .map(({ providerRef }) => ({ name: providerRef?.name, missing: missing(providerRef, "AlertProvider", given) }))
    .filter(({ missing }) => missing !== "")
    .map(({ name, missing }) => ({ text: `alerts of ${name} are delivered${missing}` }));
}

/** ", though there is no MetricTemplate p99.test" */
function missing(ref: KubeFields, kind: string, given: Described): string {
  if (ref?.name === undefined) return "";
  const namespace: string = ref.namespace ?? namespaceOf(given);
  return has(given.manifests, kind, ref.name, namespace)
    ? ""
    : `, though no file holds ${kind} ${ref.name}.${namespace}`;
}
