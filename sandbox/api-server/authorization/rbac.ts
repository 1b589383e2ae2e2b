/**
 * Role-based access control: who may do what, by Roles, ClusterRoles and their bindings. A member of system:masters may
 * do everything, as on every cluster.
 */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { Store } from "../store.ts";
import { type Attributes, isPath, type ResourceAttributes, type User } from "./attributes.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Which binding allows it, or which role was not found. */
  readonly reason: string;
}

export interface Authorizer {
  decide(user: User, attributes: Attributes): Decision;
  /** Everything that the user may do in a namespace. */
  rules(user: User, namespace: string): readonly KubeFields[];
}

const RBAC = "rbac.authorization.k8s.io";
const MASTERS = "system:masters";

export function createAuthorizer(store: Store): Authorizer {
  return {
    decide: (user, attributes) => {
      if (user.groups.includes(MASTERS)) return { allowed: true, reason: "" };
      const missing: string[] = [];
      for (const grant of grantsOf(store, user, isPath(attributes) ? "" : attributes.namespace, missing)) {
        if (grant.rules.some((rule) => allows(rule, attributes))) return { allowed: true, reason: grant.reason };
      }
      return { allowed: false, reason: missing.length === 0 ? "" : `RBAC: ${missing.join(", ")}` };
    },
    rules: (user, namespace) => {
      if (user.groups.includes(MASTERS)) {
        return [
          { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
          { verbs: ["*"], nonResourceURLs: ["*"] },
        ];
      }
      return [...grantsOf(store, user, namespace, [])].flatMap(({ rules }) => rules);
    },
  };
}

interface Grant {
  readonly rules: readonly KubeFields[];
  readonly reason: string;
}

/**
 * What the bindings for a user give: those of the cluster, then those of the namespace.
 * @param missing receives absent roles
 */
function* grantsOf(store: Store, user: User, namespace: string, missing: string[]): Generator<Grant> {
  const places = namespace === "" ? [""] : ["", namespace];
  for (const place of places) {
    const plural = place === "" ? "clusterrolebindings" : "rolebindings";
    for (const binding of objectsOf(store, plural, place)) {
      const subject = ((binding["subjects"] ?? []) as KubeFields[]).find((each) => names(each, place, user));
      if (subject === undefined) continue;
      const { kind, name } = binding["roleRef"] ?? {};
      const role =
        kind === "ClusterRole"
          ? objectIn(store, "clusterroles", "", name)
          : place === ""
            ? undefined
            : objectIn(store, "roles", place, name);
      if (role === undefined) {
        missing.push(`${String(kind).toLowerCase()}.${RBAC} "${name}" not found`);
        continue;
      }
      const bound = `${plural === "rolebindings" ? "RoleBinding" : "ClusterRoleBinding"} "${bindingName(binding)}"`;
      const who = `${subject.kind} "${subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace}` : subject.name}"`;
      yield { rules: role["rules"] ?? [], reason: `RBAC: allowed by ${bound} of ${kind} "${name}" to ${who}` };
    }
  }
}

const bindingName = ({ metadata }: KubeObject) =>
  metadata.namespace === undefined ? metadata.name : `${metadata.name}/${metadata.namespace}`;

function objectsOf(store: Store, plural: string, namespace: string): readonly KubeObject[] {
  return store.collection({ storage: { group: RBAC, version: "v1", plural } }).list(namespace);
}

function objectIn(store: Store, plural: string, namespace: string, name: string): KubeObject | undefined {
  return store.collection({ storage: { group: RBAC, version: "v1", plural } }).get(namespace, name);
}

function names(subject: KubeFields, home: string, { username, groups }: User): boolean {
  if (subject.kind === "User") return subject.name === username;
  if (subject.kind === "Group") return groups.includes(subject.name);
  if (subject.kind !== "ServiceAccount") return false;
  return username === `system:serviceaccount:${subject.namespace ?? home}:${subject.name}`;
}

/** Whether a rule (PolicyRule) covers a request. */
export function allows(rule: KubeFields, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (isPath(attributes)) {
    const paths: readonly string[] = rule.nonResourceURLs ?? [];
    return paths.some((path) =>
      path.endsWith("*") ? attributes.path.startsWith(path.slice(0, -1)) : path === attributes.path,
    );
  }
  if (!has(rule.apiGroups, attributes.group) || !coversResource(rule.resources ?? [], attributes)) return false;
  const chosen: readonly string[] = rule.resourceNames ?? [];
  return chosen.length === 0 || chosen.includes(attributes.name);
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes("*") || list.includes(value));
}

/** `pods/log`, or a subresource of anything: `* /scale` without the blank. */
function coversResource(resources: readonly string[], { resource, subresource }: ResourceAttributes): boolean {
  if (resources.includes("*")) return true;
  const wanted = subresource === "" ? resource : `${resource}/${subresource}`;
  return resources.includes(wanted) || (subresource !== "" && resources.includes(`*/${subresource}`));
}
