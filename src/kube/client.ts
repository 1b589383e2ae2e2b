/** The verbs of the Kubernetes API over a transport. */
import type { KubeReader, KubeWriter, ListOptions } from "../ports/kube.ts";
import { isGone, isNotFound, KubeError } from "../ports/kube.ts";
import {
  apiVersionOf,
  collectionPath,
  type KubeFields,
  type KubeObject,
  objectPath,
  type ResourceType,
} from "../ports/kubernetes.ts";
import { TOO_LARGE } from "./answer-text.ts";
import type { KubeTransport } from "./transport.ts";

const PAGE = 500;
/** An object's annotations may take 256 KiB, so pages of metadata must be short. */
const METADATA_PAGE = 50;
/** A larger page would block the event loop while it is read: then fewer objects are asked for. */
const PAGE_BYTES = 4 * 2 ** 20;
/** Servers that cannot return metadata alone may return whole objects. */
const partial = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;
export const METADATA_OF_LIST = partial("PartialObjectMetadataList");
export const METADATA_OF_WATCH = partial("PartialObjectMetadata");

/** What is kept of an object of a list; undefined: nothing. */
export type Sift = (object: KubeObject) => KubeObject | undefined;

/** A collection and its version, from which a watch can continue. */
export interface Listing {
  readonly objects: readonly KubeObject[];
  readonly resourceVersion: string;
}

/** Reads a collection in pages. Items get the kind that the API server leaves out. @throws as KubeTransport.send */
export async function listAll(
  transport: Pick<KubeTransport, "send">,
  type: ResourceType,
  namespace: string,
  options: ListOptions & {
    readonly metadataOnly?: boolean;
    /**
     * Called when the list begins, and when it begins again: what of each object is kept. The rest is dropped page by
     * page. With `metadataOnly` there is no other part.
     */
    readonly sift?: () => Sift;
  },
  signal: AbortSignal,
): Promise<Listing> {
  const path = collectionPath(type, namespace);
  /** Kind and API version, which items of built-in kinds do not carry. */
  const unnamed = { apiVersion: apiVersionOf(type), kind: type.kind };
  const wanted = options.limit ?? Number.POSITIVE_INFINITY;
  const { labelSelector, fieldSelector, metadataOnly = false } = options;
  const begin = metadataOnly
    ? () => (object: KubeObject) => bare(object, unnamed)
    : (options.sift ?? (() => (object: KubeObject) => object));
  let sift = begin();
  const accept = metadataOnly ? { accept: METADATA_OF_LIST } : {};
  let objects: KubeObject[] = [];
  let paged = true;
  const pages = createPageSize(metadataOnly ? METADATA_PAGE : PAGE);
  let next: string | undefined;
  for (;;) {
    const limit = paged ? String(Math.min(pages.size, wanted - objects.length)) : undefined;
    const bound = paged && pages.size > 1 ? { mostBytes: PAGE_BYTES } : {};
    let page: KubeFields;
    try {
      const query = { labelSelector, fieldSelector, limit, continue: next };
      page = await transport.send({ method: "GET", path, query, ...accept, ...bound }, signal);
    } catch (error) {
      if (error instanceof KubeError && error.reason === TOO_LARGE) {
        pages.tooLarge();
        continue;
      }
      if (!isGone(error) || next === undefined) throw error;
      // Reading the pages took so long that the version of the first one is too old: read everything at once.
      objects = [];
      sift = begin();
      next = undefined;
      paged = false;
      continue;
    }
    if (!Array.isArray(page?.items ?? [])) {
      throw new KubeError(0, "BadAnswer", `the answer to GET ${path} is not a list`);
    }
    const items: KubeObject[] = page?.items ?? [];
    pages.fitted();
    for (const item of items) {
      const kept = sift({ ...unnamed, ...item });
      if (kept !== undefined) objects.push(kept);
    }
    next = page?.metadata?.continue;
    if (next === undefined || next === "" || objects.length >= wanted) {
      const kept = objects.length > wanted ? objects.slice(0, wanted) : objects;
      return { objects: kept, resourceVersion: page?.metadata?.resourceVersion ?? "" };
    }
  }
}

/** Pages at which a larger one is tried again. */
const CALM = 4;

/**
 * Pages are short where the objects are large, and become long again behind them: those of other namespaces may follow.
 */
function createPageSize(most: number) {
  let size = most;
  let calm = 0;
  return {
    get size() {
      return size;
    },
    tooLarge() {
      size = Math.ceil(size / (size > 8 ? 4 : 2));
      calm = 0;
    },
    fitted() {
      calm += 1;
      if (calm < CALM) return;
      size = Math.min(most, size * 2);
      calm = 0;
    },
  };
}

/** The fields of an object that a metadata watch keeps: its identity and its version. */
export function bare({ metadata }: KubeObject, kind: Pick<KubeObject, "apiVersion" | "kind">): KubeObject {
  const { name, namespace = "", uid = "", resourceVersion = "" } = metadata;
  return { ...kind, metadata: { name, namespace, uid, resourceVersion } };
}

/**
 * The API server's version, e.g. "v1.33.2", as a first check that the server answers.
 * @throws KubeError, also when another kind of server answers at that address
 */
export async function serverVersion(transport: KubeTransport, signal: AbortSignal): Promise<string> {
  const answer = await transport.send({ method: "GET", path: "/version" }, signal);
  if (typeof answer?.gitVersion === "string") return answer.gitVersion;
  throw new KubeError(0, "BadAnswer", `what answers at ${transport.server} is not a Kubernetes API server`);
}

/** @param fieldManager owner of the written fields, unless a call names another one */
export function createKubeClient(
  transport: Pick<KubeTransport, "send">,
  fieldManager: string,
): KubeReader & KubeWriter {
  const patch = (contentType: string, path: string, body: KubeFields, query: object, signal: AbortSignal) =>
    transport.send({ method: "PATCH", path, body, contentType, query: { fieldManager, ...query } }, signal);
  const below = (path: string, subresource: string | undefined) =>
    subresource === undefined ? path : `${path}/${subresource}`;
  const pathOf = (type: ResourceType, { metadata }: KubeObject) =>
    objectPath({ type, namespace: metadata.namespace ?? "", name: metadata.name });

  return {
    async get(ref, signal) {
      try {
        return await transport.send({ method: "GET", path: objectPath(ref) }, signal);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async list(type, namespace, { part, ...options }, signal) {
      const sift = part === undefined ? {} : { sift: () => part };
      return (await listAll(transport, type, namespace, { ...options, ...sift }, signal)).objects;
    },
    create(type, object, signal) {
      const path = collectionPath(type, object.metadata.namespace);
      return transport.send({ method: "POST", path, body: object, query: { fieldManager } }, signal);
    },
    replace(type, object, { subresource }, signal) {
      const path = below(pathOf(type, object), subresource);
      return transport.send({ method: "PUT", path, body: object, query: { fieldManager } }, signal);
    },
    apply(type, object, options, signal) {
      const query = { force: String(options.force), fieldManager: options.fieldManager ?? fieldManager };
      return patch("application/apply-patch+yaml", pathOf(type, object), object, query, signal);
    },
    mergePatch(ref, fields, { subresource, resourceVersion }, signal) {
      const guarded =
        resourceVersion === undefined ? fields : { ...fields, metadata: { ...fields.metadata, resourceVersion } };
      return patch("application/merge-patch+json", below(objectPath(ref), subresource), guarded, {}, signal);
    },
    jsonPatch(ref, operations, { subresource }, signal) {
      return patch("application/json-patch+json", below(objectPath(ref), subresource), operations, {}, signal);
    },
    async delete(ref, { propagation, uid }, signal) {
      const body = {
        apiVersion: "v1",
        kind: "DeleteOptions",
        ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      };
      try {
        await transport.send({ method: "DELETE", path: objectPath(ref), body }, signal);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
  };
}
