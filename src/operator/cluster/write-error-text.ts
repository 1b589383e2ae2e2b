/** The texts of events about refused writes: Flagger's texts, with their misspellings. */
import { apiVersionOf, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { RouterKind } from "../../ports/router.ts";

export type Verb = "create" | "update";

/** @returns the text of the event up to the API server's own words */
export function refusedWrite(wanted: KubeObject, verb: Verb, kinds: readonly RouterKind[] = []): string {
  const { namespace } = wanted.metadata;
  const name = `${wanted.metadata.name}.${namespace ?? ""}`;
  const own = kinds.find(({ type }) => apiVersionOf(type) === wanted.apiVersion && type.kind === wanted.kind);
  if (own?.refused !== undefined) return own.refused(namespace === undefined ? wanted.metadata.name : name, verb);
  const known = TEXTS.get(`${wanted.apiVersion.split("/")[0]} ${wanted.kind}`);
  return known?.(name, verb, wanted) ?? `${wanted.kind} ${name} ${verb} error: `;
}

type Text = (name: string, verb: Verb, wanted: KubeObject) => string;

/** Whether Aviary made the object for a Canary. Otherwise it is the target, whose size alone Aviary writes. */
const isCopy = ({ metadata }: KubeObject): boolean =>
  (metadata.ownerReferences ?? []).some(
    ({ kind, controller }) => kind === RESOURCES.canary.kind && controller === true,
  );

const scaled: Text = (name, _verb, { kind, spec }) =>
  spec?.replicas === 0
    ? `${kind.toLowerCase()} ${name} patch query error: `
    : `scaling up ${name} to ${spec?.replicas ?? 1} failed: `;

function copiedKind(kind: string, sizes: Text): Text {
  const lower = kind.toLowerCase();
  return (name, verb, wanted) => {
    if (verb === "create") return `createPrimary${kind} failed: creating ${lower} ${name} failed: `;
    return isCopy(wanted) ? `updating ${lower} ${name} template spec failed: ` : sizes(name, verb, wanted);
  };
}

const config =
  (kind: string): Text =>
  (name, verb) =>
    `CreatePrimaryConfigs failed: ${verb === "create" ? "creating" : "updating"} ${kind} ${name} failed: `;

const scaler =
  (created: string, updated: string): Text =>
  (name, verb) =>
    verb === "create" ? `creating ${created} ${name} failed: ` : `updating ${updated} ${name} failed: `;

/** By API group (for the core group its version) and kind. */
const TEXTS = new Map<string, Text>([
  ["apps Deployment", copiedKind("Deployment", scaled)],
  ["apps StatefulSet", copiedKind("StatefulSet", scaled)],
  ["apps DaemonSet", copiedKind("DaemonSet", (name) => `updating daemonset ${name} failed: `)],
  ["v1 ConfigMap", config("configmap")],
  ["v1 Secret", config("secret")],
  [
    "v1 Service",
    (name, verb, { metadata }) =>
      `reconcileService failed: service ${verb === "create" ? name : metadata.name} ${verb} error: `,
  ],
  ["autoscaling HorizontalPodAutoscaler", scaler("HorizontalPodAutoscaler v2", "HorizontalPodAutoscaler v2")],
  ["keda.sh ScaledObject", scaler("Keda ScaledObject", "ScaledObject")],
]);
