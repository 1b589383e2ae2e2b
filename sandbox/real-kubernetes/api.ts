/** The verbs of a Kubernetes API server, each answered before the call returns. */
import {
  apiVersionOf,
  collectionPath,
  type KubeObject,
  objectPath,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import { ApiError } from "../cluster.ts";
import type { BlockingAnswer, BlockingHttp, BlockingRequest } from "./blocking-http.ts";

/** Field manager of the sandbox's own controllers. */
const MANAGER = "fieldManager=aviary-sandbox";

export interface Listing {
  readonly items: readonly KubeObject[];
  readonly version: string;
}

export interface Api {
  get(type: ResourceType, namespace: string, name: string): KubeObject | undefined;
  /** Undefined while the kind is not served. */
  list(type: ResourceType): Listing | undefined;
  create(type: ResourceType, object: KubeObject): KubeObject;
  /** Creates an object, without a word of whether that went well. */
  tell(type: ResourceType, object: KubeObject): void;
  /** @param part a subresource, e.g. "status" */
  replace(type: ResourceType, object: KubeObject, part?: "status" | "finalize"): KubeObject;
  bind(pod: KubeObject, node: string): void;
  /** @param now a pod goes without a grace period */
  remove(type: ResourceType, namespace: string, name: string, now?: boolean): void;
  /** A token of a ServiceAccount. */
  token(namespace: string, account: string): string;
}

export function createApi(http: BlockingHttp): Api {
  const ask = (request: BlockingRequest) => read(http.send(request));
  return {
    get: (type, namespace, name) => {
      const answer = http.send({ method: "GET", path: objectPath({ type, namespace, name }) });
      return answer.code === 404 ? undefined : seen(type, read(answer));
    },
    list: (type) => {
      const answer = http.send({ method: "GET", path: collectionPath(type) });
      if (answer.code === 404) return undefined;
      const { items, metadata } = read(answer) as unknown as {
        items: KubeObject[];
        metadata: { resourceVersion: string };
      };
      return { items: items.map((item) => seen(type, item)), version: metadata.resourceVersion };
    },
    create: (type, object) => seen(type, ask(creation(type, object))),
    tell: (type, object) => http.post(creation(type, object)),
    replace: (type, object, part) => {
      const { name, namespace = "" } = object.metadata;
      const path = `${objectPath({ type, namespace, name })}${part === undefined ? "" : `/${part}`}?${MANAGER}`;
      return seen(type, ask({ method: "PUT", path, body: named(type, object) }));
    },
    bind: ({ metadata: { name, namespace = "" } }, node) => {
      const target = { apiVersion: "v1", kind: "Node", name: node };
      const body = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target };
      ask({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods/${name}/binding`, body });
    },
    remove: (type, namespace, name, now = false) => {
      const path = objectPath({ type, namespace, name });
      const options = { apiVersion: "v1", kind: "DeleteOptions", ...(now && { gracePeriodSeconds: 0 }) };
      const answer = http.send({ method: "DELETE", path, body: options });
      if (answer.code !== 404) read(answer);
    },
    token: (namespace, account) => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
      const spec = { expirationSeconds: MONTH_SECONDS };
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
      return ask({ method: "POST", path, body }).status.token;
    },
  };
}

function creation(type: ResourceType, object: KubeObject): BlockingRequest {
  const { resourceVersion: _, uid: __, managedFields: ___, ...metadata } = object.metadata;
  const path = `${collectionPath(type, metadata.namespace)}?${MANAGER}`;
  return { method: "POST", path, body: { ...named(type, object), metadata } };
}

const MONTH_SECONDS = 30 * 86_400;

const named = (type: ResourceType, object: KubeObject) => ({
  ...object,
  apiVersion: apiVersionOf(type),
  kind: type.kind,
});

/**
 * Who owns which field fills half of an object, and no part of the sandbox reads it. A write without it leaves it as it
 * is.
 */
export function seen(type: ResourceType, object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...named(type, object), metadata };
}

function read({ code, text }: BlockingAnswer): KubeObject {
  const body = parse(text);
  if (code < 400) return body;
  const { reason = "", message = text, details } = body;
  throw new ApiError(code, reason, message, details);
}

function parse(text: string): KubeObject {
  try {
    return JSON.parse(text);
  } catch {
    return { apiVersion: "v1", kind: "Status", metadata: { name: "" }, message: text };
  }
}
