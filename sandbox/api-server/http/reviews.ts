/** Who am I, and what may I do? */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { ApiError } from "../../cluster.ts";
import type { Attributes } from "../authorization/attributes.ts";
import type { Target } from "../resource.ts";
import { selectorText } from "../selector-text.ts";
import type { Answer, Call, User } from "./call.ts";
import { contentType, decodeBody, isObject, objectIn } from "./decode.ts";
import { existing } from "./reading.ts";
import type { Route } from "./route.ts";
import { selectorOf } from "./selectors.ts";
import { deleteOptionsFrom } from "./writing.ts";

const userInfo = ({ username, groups, uid, extra }: User) => ({
  username,
  groups,
  ...(uid !== undefined && { uid }),
  ...(extra !== undefined && { extra }),
});

/** What a review asks about. @throws ApiError 422 */
function askedIn({ kind, spec }: KubeObject): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec ?? {};
  if ((resource === undefined) === (path === undefined)) {
    const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    throw new ApiError(422, "Invalid", `${kind}.authorization.k8s.io "" is invalid: spec: Invalid value: ${why}`, {});
  }
  if (resource === undefined) return { verb: path.verb ?? "", path: path.path ?? "" };
  const { verb = "", group = "", subresource = "", namespace = "", name = "" } = resource;
  return { verb, group, resource: resource.resource ?? "", subresource, namespace, name };
}

function access(call: Call, user: User, review: KubeObject): KubeFields {
  const { allowed, reason } = call.server.authorizer.decide(user, askedIn(review));
  return { allowed, ...(reason !== "" && { reason }) };
}

function subjectAccess(call: Call, review: KubeObject): KubeFields {
  const { user = "", groups = [], uid, extra } = review.spec ?? {};
  return access(call, { username: user, groups, ...(uid && { uid }), ...(extra && { extra }) }, review);
}

const STATUSES: Readonly<Record<string, (call: Call, review: KubeObject) => KubeFields>> = {
  SelfSubjectReview: (call) => ({ userInfo: userInfo(call.user) }),
  SelfSubjectAccessReview: (call, review) => access(call, call.user, review),
  SubjectAccessReview: subjectAccess,
  LocalSubjectAccessReview: subjectAccess,
  SelfSubjectRulesReview: (call, review) => {
    const rules = call.server.authorizer.rules(call.user, review.spec?.namespace ?? "");
    return {
      resourceRules: rules.filter(({ apiGroups }) => apiGroups !== undefined),
      nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs !== undefined),
      incomplete: false,
    };
  },
  TokenReview: (call, review) => {
    const user = call.server.userOfToken(review.spec?.token ?? "");
    return user === undefined ? { authenticated: false } : { authenticated: true, user: userInfo(user) };
  },
};

/** True for kinds that are questions: they are answered, not stored. */
export function isReview({ resource }: Target): boolean {
  return Object.hasOwn(STATUSES, resource.kind) && !resource.custom;
}

export async function answerReview(call: Call, { target }: Route): Promise<Answer> {
  const review = await objectIn(call, target);
  const status = STATUSES[target.resource.kind]?.(call, review);
  const creationTimestamp = rfc3339(call.server.store.clock.now());
  return { code: 201, body: { ...review, metadata: { ...review.metadata, creationTimestamp }, status } };
}

/** A token for a service account. @throws ApiError 404 */
export async function requestToken(call: Call, route: Route): Promise<Answer> {
  const { server } = call;
  const { namespace, name = "" } = route;
  existing(call, route);
  const body = decodeBody(await call.body(), contentType(call));
  const expirationSeconds = isObject(body) ? (body.spec?.expirationSeconds ?? 3600) : 3600;
  const expiresMs = server.store.clock.now() + expirationSeconds * 1000;
  const token = server.issueToken(namespace, name, expiresMs);
  return {
    code: 201,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { name, namespace, creationTimestamp: rfc3339(server.store.clock.now()) },
      spec: { audiences: body?.spec?.audiences ?? ["https://kubernetes.default.svc"], expirationSeconds },
      status: { token, expirationTimestamp: rfc3339(expiresMs) },
    },
  };
}

/** Deletes a pod unless a disruption budget forbids it. @throws ApiError 404, 429 */
export async function evict(call: Call, route: Route): Promise<Answer> {
  const { store } = call.server;
  const { target, namespace, name = "" } = route;
  const pod = existing(call, route);
  const body = decodeBody(await call.body(), contentType(call));
  const budgets = store.registry.find("policy", "v1", "poddisruptionbudgets");
  const all = budgets === undefined ? [] : store.collection(budgets.resource).list(namespace);
  const spent = all.find(({ spec, status }) => status?.disruptionsAllowed === 0 && covers(target, spec?.selector, pod));
  if (spent !== undefined) {
    const message = "Cannot evict pod as it would violate the pod's disruption budget.";
    const cause = `The disruption budget ${spent.metadata.name} does not allow any disruptions at the moment`;
    throw new ApiError(429, "TooManyRequests", message, { causes: [{ reason: "DisruptionBudget", message: cause }] });
  }
  store.delete(target, namespace, name, deleteOptionsFrom(call, isObject(body) ? (body.deleteOptions ?? {}) : {}));
  return { code: 201, body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 } };
}

function covers(target: Target, selector: KubeFields, pod: KubeObject): boolean {
  return selectorOf(target, new URLSearchParams({ labelSelector: selectorText(selector) }))(pod);
}
