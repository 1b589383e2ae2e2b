/** From a request to its handler. */
import { Buffer } from "node:buffer";
import { ApiError } from "../../cluster.ts";
import { noSuchResource } from "../errors.ts";
import { openApiV2 } from "../openapi/v2.ts";
import { openApiIndex, openApiV3 } from "../openapi/v3.ts";
import { attachPod, execPod } from "../streams/exec.ts";
import { forwardPorts } from "../streams/port-forward.ts";
import { requirePath, requireRoute } from "./access.ts";
import { type Answer, type Call, flag, ok } from "./call.ts";
import { discoverGroup, discoverGroups, discoverResources, servesGroup } from "./discovery.ts";
import { podLog } from "./logs.ts";
import { patchObject } from "./patching.ts";
import { getObject, listObjects } from "./reading.ts";
import { answerReview, evict, isReview, requestToken } from "./reviews.ts";
import { groupVersionOf, type Route, routeOf } from "./route.ts";
import { scale } from "./scale.ts";
import { watchObjects } from "./watch.ts";
import { createObject, deleteObject, deleteObjects, updateObject } from "./writing.ts";

/** Paths that every client may read, also without a token. */
export const PUBLIC: ReadonlySet<string> = new Set(["healthz", "livez", "readyz", "version"]);

type Handler = (call: Call, route: Route) => Answer | Promise<Answer>;

/** The version that the server reports: every kubectl that is still in use accepts it. */
const VERSION = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0-aviary",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2025-04-23T00:00:00Z",
  goVersion: "go1.24.2",
  compiler: "gc",
  platform: "linux/amd64",
};

/** Answers one request. @throws ApiError for every refusal */
export function dispatch(call: Call): Answer | Promise<Answer> {
  const [root = "", first = "", second = ""] = call.path;
  const place = groupVersionOf(call.path);
  if ((place?.rest.length ?? 0) === 0 && !PUBLIC.has(root)) requirePath(call);
  if (root === "version" || root === "") return ok(root === "" ? { paths: ["/api", "/apis", "/version"] } : VERSION);
  if (root === "healthz" || root === "livez" || root === "readyz") return healthy(call);
  if (root === "openapi") return openApi(call, first, call.path.slice(2));
  if (root !== "api" && root !== "apis") return nowhere(call);
  if (root === "apis" && call.path.length > 1 && !servesGroup(call.server.store.registry, first)) return nowhere(call);
  if (call.path.length === 1) return readOnly(call, discoverGroups(call, root === "api"));
  if (place === undefined) return readOnly(call, discoverGroup(call, first));
  if (place.rest.length === 0) return readOnly(call, discoverResources(call, place.group, place.version || second));
  const route = routeOf(call.server.store.registry, call.path);
  const handler = handlerFor(call, route);
  requireRoute(call, route);
  return handler(call, route);
}

/** Where nothing is served, not even a group, a real server answers without a Status. */
function nowhere({ response }: Call): Answer {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  return { code: 404, body: Buffer.from("404 page not found\n") };
}

function healthy({ response }: Call): Answer {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.end("ok");
  return undefined;
}

function readOnly(call: Call, answer: Answer): Answer {
  if (call.method !== "GET") throw methodNotAllowed();
  return answer;
}

function openApi(call: Call, version: string, rest: readonly string[]): Answer {
  if (version === "v2" && rest.length === 0) return openApiV2(call);
  if (version !== "v3") throw noSuchResource();
  return rest.length === 0 ? openApiIndex(call) : openApiV3(call, rest);
}

function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return new ApiError(405, "MethodNotAllowed", message, {});
}

function handlerFor(call: Call, route: Route): Handler {
  const { target, name, subresource } = route;
  const { method } = call;
  const handlers = name === undefined ? COLLECTION : (SUBRESOURCES[subresource] ?? OBJECT);
  if (isReview(target)) {
    if (method === "POST" && name === undefined) return answerReview;
    throw methodNotAllowed();
  }
  if (name === undefined && target.resource.namespaced && route.namespace === "" && method !== "GET") {
    if (method !== "DELETE") throw methodNotAllowed();
  }
  if (name === undefined && method === "DELETE" && target.resource.kind === "Namespace") throw methodNotAllowed();
  const handler = handlers[method];
  if (handler === undefined) throw methodNotAllowed();
  return handler;
}

const COLLECTION: Readonly<Record<string, Handler>> = {
  GET: (call, route) => (flag(call.query, "watch") ? watchObjects(call, route) : listObjects(call, route)),
  POST: createObject,
  DELETE: deleteObjects,
};

const OBJECT: Readonly<Record<string, Handler>> = {
  GET: (call, route) => (flag(call.query, "watch") ? watchObjects(call, route) : getObject(call, route)),
  PUT: (call, route) => updateObject(call, route, "main"),
  PATCH: (call, route) => patchObject(call, route, "main"),
  DELETE: deleteObject,
};

const SUBRESOURCES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  status: {
    GET: getObject,
    PUT: (call, route) => updateObject(call, route, "status"),
    PATCH: (call, route) => patchObject(call, route, "status"),
  },
  scale: { GET: scale, PUT: scale, PATCH: scale },
  finalize: { PUT: (call, route) => updateObject(call, route, "finalize") },
  log: { GET: podLog },
  exec: { GET: execPod, POST: execPod },
  attach: { GET: attachPod, POST: attachPod },
  portforward: { GET: forwardPorts, POST: forwardPorts },
  eviction: { POST: evict },
  token: { POST: requestToken },
};
