/** get and list. */
import { Buffer } from "node:buffer";
import type { KubeObject } from "../../../ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { badRequest, expired, notFound } from "../errors.ts";
import type { Target } from "../resource.ts";
import { fromStorage } from "../store/conversion.ts";
import type { ListMeta } from "../table/index.ts";
import { type Answer, type Call, ok } from "./call.ts";
import { presentList, presentObject } from "./present.ts";
import type { Route } from "./route.ts";
import { selectorOf } from "./selectors.ts";

/** The object that a route names. @throws ApiError 404 */
export function existing(call: Call, { target, namespace, name = "" }: Route): KubeObject {
  const object = call.server.store.read(target, namespace, name);
  if (object === undefined) throw notFound(target.resource, name);
  return object;
}

export function getObject(call: Call, route: Route): Answer {
  return ok(presentObject(call, route.target, existing(call, route)));
}

/** Objects of a collection in one version, by namespace and name. */
export function objectsOf(call: Call, { resource, version }: Target, namespace: string): readonly KubeObject[] {
  const objects = call.server.store.collection(resource).list(namespace);
  return objects.map((object) => fromStorage(resource, version.name, object));
}

/** @throws ApiError 504 when a client has seen a version that this server never had: it belongs to another cluster */
export function checkVersion(call: Call, text: string): number {
  const version = Number(text);
  if (text !== "" && !(Number.isInteger(version) && version >= 0)) {
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: invalid syntax`);
  }
  const current = call.server.store.version();
  if (version <= current) return version;
  const cause = { reason: "ResourceVersionTooLarge", message: "Too large resource version" };
  throw new ApiError(504, "Timeout", `Too large resource version: ${version}, current: ${current}`, {
    causes: [cause],
    retryAfterSeconds: 1,
  });
}

/** Where the next page starts, and the version of the first page: a watch from there sees all that happened since. */
interface Continue {
  readonly version: number;
  readonly after: string;
}

export function listObjects(call: Call, { target, namespace }: Route): Answer {
  const { query, server } = call;
  checkVersion(call, query.get("resourceVersion") ?? "");
  const page = continueFrom(call, target, query.get("continue") ?? "");
  const selector = selectorOf(target, query);
  const key = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}\n${metadata.name}`;
  const all = objectsOf(call, target, namespace).filter(selector);
  const rest = page === undefined ? all : all.filter((object) => key(object) > page.after);
  const limit = Number(query.get("limit") ?? 0);
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const version = page?.version ?? server.store.version();
  const last = items.at(-1);
  const metadata: ListMeta = { resourceVersion: String(version) };
  if (last === undefined || items.length === rest.length) return ok(presentList(call, target, items, metadata));
  const token = Buffer.from(JSON.stringify({ version, after: key(last) } satisfies Continue)).toString("base64url");
  const remainingItemCount = rest.length - items.length;
  return ok(presentList(call, target, items, { ...metadata, continue: token, remainingItemCount }));
}

function continueFrom(call: Call, { resource }: Target, token: string): Continue | undefined {
  if (token === "") return undefined;
  const page = parsedToken(token);
  if (call.server.store.collection(resource).since(page.version) === undefined) {
    throw expired("The provided continue parameter is too old to display a consistent list result.");
  }
  return page;
}

function parsedToken(token: string): Continue {
  try {
    const { version, after } = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (typeof version === "number" && typeof after === "string") return { version, after };
  } catch {
    // Not JSON: reported below, like JSON of another shape.
  }
  throw badRequest("continue key is not valid");
}
