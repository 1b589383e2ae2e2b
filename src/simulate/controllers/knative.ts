/** Knative Serving: every template of a Service becomes a Revision, which is ready when its pod is. */
import { apiVersionOf, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { Change } from "../api.ts";
import type { Controller, ControllerPorts } from "./pods.ts";
import { noteTemplate, readyPods } from "./pods.ts";

export const KNATIVE_REVISIONS: Controller = {
  type: RESOURCES.knativeRevision,
  look(revision, set, tools) {
    if (set.pods.length === 0) {
      noteTemplate(set, { spec: revision.spec }, tools.now);
      tools.start(set.template);
    }
    const ready = readyPods(set) > 0;
    return { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] };
  },
};

const STATUS = { subresource: "status" } as const;

/** Makes Revisions of templates, and reports the latest one and the latest ready one. */
export function watchKnativeServices({ api, schedule, chance }: ControllerPorts): void {
  const templates = new Map<string, unknown>();
  const counts = new Map<string, number>();
  api.onChange(({ kind, type, object }: Change) => {
    if (kind === RESOURCES.knativeRevision && type === "modified") announce(object);
    if (kind !== RESOURCES.knativeService || type === "deleted") return;
    const { uid = "" } = object.metadata;
    if (templates.get(uid) === object.spec?.template) return;
    templates.set(uid, object.spec?.template);
    schedule.after(20 + chance.between(0, 80), () => reconcile(object));
  });

  function reconcile({ metadata: { uid = "", namespace = "", name } }: KubeObject): void {
    const service = api.get({ type: RESOURCES.knativeService, namespace, name });
    const { template } = service?.spec ?? {};
    // A newer template has its own turn.
    if (service === undefined || service.metadata.uid !== uid || templates.get(uid) !== template) return;
    const count = (counts.get(uid) ?? 0) + 1;
    counts.set(uid, count);
    const revision = `${name}-${String(count).padStart(5, "0")}`;
    const type = RESOURCES.knativeRevision;
    const owner = { apiVersion: apiVersionOf(RESOURCES.knativeService), kind: "Service", name, uid, controller: true };
    const metadata = { name: revision, namespace, ownerReferences: [owner] };
    const made = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec: template?.spec };
    api.create(type, made, "cluster");
    const status = { observedGeneration: service.metadata.generation, latestCreatedRevisionName: revision };
    api.patch({ type: RESOURCES.knativeService, namespace, name }, { status }, STATUS, "cluster");
  }

  function announce({ metadata: { name: revision, namespace = "", ownerReferences = [] }, status }: KubeObject): void {
    const [owner] = ownerReferences;
    const ref = { type: RESOURCES.knativeService, namespace, name: owner?.name ?? "" };
    const service = api.get(ref);
    const ready = status?.conditions?.some(({ status: is }: { status: string }) => is === "True") === true;
    if (service === undefined || !ready || revision < (service.status?.latestReadyRevisionName ?? "")) return;
    api.patch(ref, { status: { latestReadyRevisionName: revision } }, STATUS, "cluster");
  }
}
