/** Actions of people (and their tools) in the cluster while the operator works. */

import { type KubeFields, type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import { isForeign } from "./foreign.ts";
import { meshOf } from "./meshes/table.ts";
import { click, freeze } from "./people.ts";
import { deleteAll, deleteReference, restoreReference } from "./references.ts";
import type { UserAction } from "./scenario.ts";
import type { Universe } from "./watcher.ts";

export function act(action: UserAction, universe: Universe): void {
  const { api, refs, kind, workloads } = universe;
  const patch = (ref: ObjectRef, fields: object) => {
    if (api.get(ref) !== undefined) api.patch(ref, fields, {}, "user");
  };
  const scale = (ref: ObjectRef, replicas: number) => {
    const object = api.get(ref);
    const fields = object === undefined ? undefined : kind.scaled(object, replicas);
    if (fields !== undefined) patch(ref, fields);
  };
  const isSelf = ({ type }: ObjectRef) => type === refs.target.type && kind.ownRoutes !== undefined;
  const target = universe.target();
  switch (action.kind) {
    case "release":
      if (target !== undefined) patch(refs.target, kind.released(target, action.image));
      return;
    case "scale-primary":
      return scale(refs.primary, action.replicas);
    case "scale-target":
      return scale(refs.target, action.replicas);
    case "pause":
    case "resume":
      if (kind.type !== RESOURCES.deployment) return;
      return patch(refs[action.of], { spec: { paused: action.kind === "pause" ? true : null } });
    case "move-target":
      // The nodes of other kinds are not simulated.
      if (kind.type !== RESOURCES.daemonSet) return;
      return patch(refs.target, { spec: { template: { spec: { nodeSelector: { [action.label]: "true" } } } } });
    case "edit-canary":
      return patch(refs.canary, { spec: action.spec });
    case "delete-canary":
      return api.delete(refs.canary, "user");
    case "delete-target":
      return api.delete(refs.target, "user");
    case "delete-primary":
      // A target that keeps its revisions is its own primary, and its own routes.
      return isSelf(refs.primary) ? undefined : api.delete(refs.primary, "user");
    case "restore-target":
      if (target === undefined) api.create(kind.type, universe.scenario.target, "user");
      return;
    case "delete-routes":
      return isSelf(refs.routes) ? undefined : api.delete(refs.routes, "user");
    case "edit-routes":
      return patch(refs.routes, { spec: isSelf(refs.routes) ? evenTraffic(target) : evenRoutes(universe) });
    case "edit-config":
      return patch(
        { type: RESOURCES.configMap, namespace: refs.target.namespace, name: `${refs.target.name}-config` },
        { data: { value: action.value } },
      );
    case "edit-secret":
      return patch(
        { type: RESOURCES.secret, namespace: refs.target.namespace, name: `${refs.target.name}-secret` },
        { data: { value: Buffer.from(action.value).toString("base64") } },
      );
    case "edit-scaler":
      for (const type of [RESOURCES.hpa, RESOURCES.scaledObject]) {
        const field = type === RESOURCES.hpa ? "maxReplicas" : "maxReplicaCount";
        patch({ type, namespace: refs.target.namespace, name: refs.target.name }, { spec: { [field]: action.max } });
      }
      return;
    case "delete-scaler":
      for (const type of [RESOURCES.hpa, RESOURCES.scaledObject]) {
        api.delete({ type, namespace: refs.target.namespace, name: refs.target.name }, "user");
      }
      return;
    case "delete-foreign":
      return deleteAll(universe.scenario.objects.filter(isForeign), universe);
    case "drop-config":
      return patch(refs.target, withConfigRef(target, undefined));
    case "rename-config": {
      const name = `${refs.target.name}-config-${action.value}`;
      const ref = { type: RESOURCES.configMap, namespace: refs.target.namespace, name };
      const metadata = { name, namespace: ref.namespace };
      if (api.get(ref) === undefined) {
        const made = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: action.value } };
        api.create(ref.type, made, "user");
      }
      return patch(refs.target, withConfigRef(target, name));
    }
    case "lose-pods":
      return workloads.lose(refs[action.of], action.all, action.forMs ?? 0);
    case "delete-reference":
      return deleteReference(action.of, universe);
    case "restore-reference":
      return restoreReference(action.of, universe);
    case "relabel-target":
      return relabel(universe);
    case "freeze":
      return freeze(action, universe);
    case "steer":
      return click(action, universe);
  }
}

/** Kubernetes allows no other selector for an object that exists: so the object is deleted, and made again. */
function relabel({ api, refs, scenario, kind }: Universe): void {
  const { target, image } = scenario;
  const { template } = target.spec;
  if (kind.type === RESOURCES.service || kind.ownRoutes !== undefined) return;
  const labels = { name: refs.target.name };
  const [first, ...others] = template.spec.containers;
  const containers = [{ ...first, image }, ...others];
  const renewed = { ...template, metadata: { ...template.metadata, labels }, spec: { ...template.spec, containers } };
  const spec = { ...target.spec, selector: { matchLabels: labels }, template: renewed };
  api.delete(refs.target, "user");
  api.create(kind.type, { ...target, spec }, "user");
}

/** @param name of the ConfigMap that the target's pods mount; undefined: none */
function withConfigRef(target: KubeObject | undefined, name: string | undefined): object {
  const before: readonly KubeFields[] = target?.spec?.template?.spec?.volumes ?? [];
  if (!before.some(({ configMap }) => configMap !== undefined)) return {};
  const others = before.filter(({ configMap }) => configMap === undefined);
  const volumes = name === undefined ? others : [{ name: "config", configMap: { name } }, ...others];
  return { spec: { template: { spec: { volumes } } } };
}

/** A person changes the routes by hand. */
function evenRoutes({ api, refs, scenario }: Universe): object {
  return meshOf(scenario.canary.spec?.provider).even(api.get(refs.routes), refs.routes.name);
}

function evenTraffic(target: KubeObject | undefined): object {
  const traffic: readonly KubeFields[] = target?.spec?.traffic ?? [];
  return { traffic: traffic.map((entry) => ({ ...entry, percent: 50 })) };
}

export function describeAction(action: UserAction): string {
  switch (action.kind) {
    case "release":
      return `a user releases ${action.image}`;
    case "scale-primary":
      return `a user scales the primary to ${action.replicas}`;
    case "scale-target":
      return `a user scales the target to ${action.replicas}`;
    case "pause":
    case "resume":
      return `a user does kubectl rollout ${action.kind} of the ${action.of}`;
    case "edit-canary":
      return `a user edits the Canary: ${JSON.stringify(action.spec)}`;
    case "edit-config":
      return `a user sets the configuration to "${action.value}"`;
    case "edit-secret":
      return `a user sets the secret to "${action.value}"`;
    case "edit-scaler":
      return `a user lets the autoscaler go up to ${action.max}`;
    case "rename-config":
      return `a user lets the target read a ConfigMap of another name ("${action.value}")`;
    case "lose-pods":
      return `a node takes ${action.all ? "all pods" : "a pod"} of the ${action.of} along, for ${(action.forMs ?? 0) / 1000} s`;
    case "delete-reference":
      return `a user deletes the ${action.of}`;
    case "restore-reference":
      return `a user creates the ${action.of} again`;
    case "relabel-target":
      return "a user makes the target again with other labels and the new image";
    case "freeze":
      return `a user freezes releases for ${action.forMs / 1000} s (${action.name}, runs ${action.runs})`;
    case "steer":
      return `${action.by} asks for ${action.verb} (${action.how})`;
    default:
      return `a user does ${action.kind}`;
  }
}
