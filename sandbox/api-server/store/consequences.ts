/** What a committed change brings about in the API server itself. Runs after the watches were told. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { CRD_CLEANUP, resourceOf } from "../crd.ts";
import type { Resource } from "../resource.ts";
import { freedAddress } from "./admission.ts";
import { copyOf } from "./json.ts";
import { isFinalized } from "./lifecycle.ts";
import { type Core, insert } from "./writes.ts";

const CRDS = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };

/** @param object the new or last state @param now the state that remains; undefined once deleted */
export function consequences(
  core: Core,
  resource: Resource,
  object: KubeObject,
  now: KubeObject | undefined,
  before: KubeObject | undefined,
): void {
  if (resource.custom) {
    if (now === undefined) finishCrd(core, resource);
    return;
  }
  const { group, plural } = resource.storage;
  if (group === CRDS.group && plural === CRDS.plural) crdChanged(core, resource, object, now);
  else if (group !== "") return;
  else if (plural === "namespaces" && before === undefined) createServiceAccount(core, object.metadata.name);
  else if (plural === "services" && before !== undefined) {
    const address = freedAddress(before, now);
    if (address !== undefined) core.numbers.giveBack(address);
  }
}

function createServiceAccount(core: Core, namespace: string): void {
  const target = core.registry.find("", "v1", "serviceaccounts");
  if (target === undefined) return;
  const metadata = { name: "default", namespace };
  insert(core, target, { apiVersion: "v1", kind: "ServiceAccount", metadata }, {});
}

function crdChanged(core: Core, crds: Resource, crd: KubeObject, now: KubeObject | undefined): void {
  const resource = resourceOf(crd);
  if (now === undefined) core.registry.unregister(resource.group, resource.plural);
  else if (now.metadata.deletionTimestamp === undefined) core.registry.register(resource);
  else clearCrd(core, crds, resource, now);
}

/** The CRD's objects go first; their finalizers may take their time. */
function clearCrd(core: Core, crds: Resource, resource: Resource, crd: KubeObject): void {
  if (!(crd.metadata.finalizers ?? []).includes(CRD_CLEANUP)) return;
  for (const object of core.collection(resource).list("")) core.remove(resource, object, {});
  if (core.collection(crds).get("", crd.metadata.name) === crd) finishCrd(core, resource);
}

/** Lets a CRD go whose last object is gone. */
function finishCrd(core: Core, resource: Resource): void {
  const crds = core.registry.find(CRDS.group, CRDS.version, CRDS.plural)?.resource;
  if (crds === undefined || core.collection(resource).size > 0) return;
  const crd = core.collection(crds).get("", `${resource.plural}.${resource.group}`);
  if (crd?.metadata.deletionTimestamp === undefined) return;
  const finalizers = (crd.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CRD_CLEANUP);
  const draft = copyOf(crd);
  if (finalizers.length > 0) draft.metadata.finalizers = finalizers;
  else delete draft.metadata.finalizers;
  if (isFinalized(draft)) core.erase(crds, draft, crd);
  else if (finalizers.length < (crd.metadata.finalizers ?? []).length) core.commit(crds, "MODIFIED", draft, crd);
}
