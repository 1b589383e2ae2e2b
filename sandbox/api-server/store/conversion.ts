/** One object in the versions it is served in. Custom resources differ in their apiVersion only (strategy "None"). */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { apiVersionFor, type Resource } from "../resource.ts";
import { eventFromStorage, eventToStorage } from "./event-versions.ts";
import { hpaFromStorage, hpaToStorage } from "./hpa-versions.ts";
import { freeze } from "./json.ts";

interface Conversion {
  fromStorage(object: KubeObject): KubeObject;
  toStorage(object: KubeObject): KubeObject;
}

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  "autoscaling/v1/horizontalpodautoscalers": { fromStorage: hpaFromStorage, toStorage: hpaToStorage },
  "events.k8s.io/v1/events": { fromStorage: eventFromStorage, toStorage: eventToStorage },
};

const served = new WeakMap<KubeObject, Map<string, KubeObject>>();

/** A stored object as seen in a version. Frozen, and computed once per object and version. */
export function fromStorage(
  resource: Pick<Resource, "group" | "plural">,
  version: string,
  object: KubeObject,
): KubeObject {
  const apiVersion = apiVersionFor(resource, version);
  if (object.apiVersion === apiVersion) return object;
  const known = served.get(object)?.get(apiVersion);
  if (known !== undefined) return known;
  const convert = CONVERSIONS[`${apiVersion}/${resource.plural}`]?.fromStorage;
  const converted = freeze({ ...(convert?.(object) ?? object), apiVersion });
  const versions = served.get(object) ?? new Map<string, KubeObject>();
  served.set(object, versions.set(apiVersion, converted));
  return converted;
}

/** An object of a version as it is stored. */
export function toStorage(resource: Resource, version: string, object: KubeObject): KubeObject {
  const apiVersion = apiVersionFor(resource.storage, resource.storage.version);
  const convert = CONVERSIONS[`${apiVersionFor(resource, version)}/${resource.plural}`]?.toStorage;
  return { ...(convert?.(object) ?? object), apiVersion };
}
