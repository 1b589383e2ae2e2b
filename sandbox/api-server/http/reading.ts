/** get and list. */
import { Buffer } from "node:buffer";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { badRequest, expired, invalidOptions, notFound } from "../errors.ts";
import type { Target } from "../resource.ts";
import type { FieldErrorReason } from "../schema/index.ts";
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
    const wrong = JSON.stringify(text);
    throw badRequest(`resourceVersion: Invalid value: ${wrong}: strconv.ParseUint: parsing ${wrong}: invalid syntax`);
  }
  const current = call.server.store.version();
  if (version <= current) return version;
  const cause = { reason: "ResourceVersionTooLarge", message: "Too large resource version" };
  throw new ApiError(504, "Timeout", `Timeout: Too large resource version: ${version}, current: ${current}`, {
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
  checkListOptions(query);
  checkVersion(call, query.get("resourceVersion") ?? "");
  const page = continueFrom(call, target, query.get("continue") ?? "");
  const selector = selectorOf(target, query);
  const key = ({ metadata }: KubeObject) => `${metadata.namespace ?? ""}\n${metadata.name}`;
  const all = objectsOf(call, target, namespace).filter(selector);
  const rest = page === undefined ? all : all.filter((object) => key(object) > page.after);
  const limit = limitOf(query);
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const version = page?.version ?? server.store.version();
  const last = items.at(-1);
  const metadata: ListMeta = { resourceVersion: String(version) };
  if (last === undefined || items.length === rest.length) return ok(presentList(call, target, items, metadata));
  const token = Buffer.from(JSON.stringify({ version, after: key(last) } satisfies Continue)).toString("base64url");
  // A real server reads page by page: with a selector it cannot know how many are still to come.
  const chosen = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== "";
  const remainingItemCount = rest.length - items.length;
  const more = { ...metadata, continue: token, ...(!chosen && { remainingItemCount }) };
  return ok(presentList(call, target, items, more));
}

function limitOf(query: URLSearchParams): number {
  const text = query.get("limit") ?? "";
  if (/^-?\d*$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const MATCHES: readonly string[] = ["Exact", "NotOlderThan", ""];

/** @throws ApiError 422 */
function checkListOptions(query: URLSearchParams): void {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  if (match === "") return;
  const say = (message: string, reason: FieldErrorReason) => {
    throw invalidOptions("ListOptions", { path: "resourceVersionMatch", message, reason });
  };
  const forbidden = (why: string) => say(`Forbidden: ${why}`, "FieldValueForbidden");
  if (version === "") forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if ((query.get("continue") ?? "") !== "") forbidden("resourceVersionMatch is forbidden for continue");
  if (!MATCHES.includes(match)) {
    const list = MATCHES.map((word) => JSON.stringify(word)).join(", ");
    say(`Unsupported value: ${JSON.stringify(match)}: supported values: ${list}`, "FieldValueNotSupported");
  }
  if (match === "Exact" && version === "0") {
    forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
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
  throw badRequest("invalid continue token: continue key is not valid");
}
