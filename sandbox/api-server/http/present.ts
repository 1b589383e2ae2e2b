/** Objects in the form that the client asked for: as they are, as a Table, or only their metadata. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { apiVersionFor, type Target } from "../resource.ts";
import { type ListMeta, tableOf } from "../table/index.ts";
import { type Wish, wishOf } from "./accept.ts";
import type { Call } from "./call.ts";

/** @throws ApiError 406 when the client does not take JSON */
export function wishOrRefuse(call: Call): Wish {
  const wish = wishOf(call.accept);
  if (wish !== undefined) return wish;
  const message = "only the following media types are accepted: application/json";
  throw new ApiError(406, "NotAcceptable", message);
}

const partial = (object: KubeObject, version: string) => ({
  kind: "PartialObjectMetadata",
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
});

/** One object. */
export function presentObject(call: Call, target: Target, object: KubeObject, wish = wishOrRefuse(call)): unknown {
  if (wish.form === "Table") {
    const { resourceVersion = "" } = object.metadata;
    return table(call, target, [object], { resourceVersion }, wish);
  }
  return wish.form === "PartialObjectMetadata" ? partial(object, wish.version) : object;
}

/** A list. Items of built-in kinds carry no apiVersion and kind, as on a real API server. */
export function presentList(call: Call, target: Target, items: readonly KubeObject[], metadata: ListMeta): unknown {
  const wish = wishOrRefuse(call);
  const { resource, version } = target;
  if (wish.form === "Table") return table(call, target, items, metadata, wish);
  if (wish.form === "PartialObjectMetadataList") {
    const apiVersion = `meta.k8s.io/${wish.version}`;
    return {
      kind: "PartialObjectMetadataList",
      apiVersion,
      metadata,
      items: items.map((item) => partial(item, wish.version)),
    };
  }
  return {
    kind: resource.listKind,
    apiVersion: apiVersionFor(resource, version.name),
    metadata,
    items: resource.custom ? items : items.map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item),
  };
}

function table(call: Call, target: Target, objects: readonly KubeObject[], metadata: ListMeta, wish: Wish): unknown {
  const include = call.query.get("includeObject") ?? "Metadata";
  const withObject = (object: KubeObject) => (include === "Object" ? object : partial(object, wish.version));
  return tableOf({
    target,
    objects,
    metadata,
    version: wish.version,
    nowMs: call.server.store.clock.now(),
    ...(include !== "None" && { withObject }),
  });
}
