import { describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { createStore } from "../store.ts";
import type { Attributes, User } from "./attributes.ts";
import { createBootstrapRoles } from "./bootstrap.ts";
import { allows, createAuthorizer } from "./rbac.ts";

const RBAC = "rbac.authorization.k8s.io";

function cluster() {
  const store = createStore();
  createBootstrapRoles(store);
  store.create(
    { group: "", version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } },
  );
  const put = (kind: string, plural: string, object: Omit<KubeObject, "apiVersion" | "kind">) => {
    const target = store.registry.find(RBAC, "v1", plural);
    if (target === undefined) throw new Error(plural);
    store.insert(target, { apiVersion: `${RBAC}/v1`, kind, ...object } as KubeObject, {});
  };
  return {
    authorizer: createAuthorizer(store),
    role: (name: string, rules: KubeFields[]) => put("Role", "roles", { metadata: { name, namespace: "test" }, rules }),
    clusterRole: (name: string, rules: KubeFields[]) =>
      put("ClusterRole", "clusterroles", { metadata: { name }, rules }),
    bind: (kind: "Role" | "ClusterRole", name: string, subject: KubeFields, namespace?: string) => {
      const metadata = namespace === undefined ? { name: `${name}-b` } : { name: `${name}-b`, namespace };
      const body = { metadata, subjects: [subject], roleRef: { apiGroup: RBAC, kind, name } };
      if (namespace === undefined) put("ClusterRoleBinding", "clusterrolebindings", body);
      else put("RoleBinding", "rolebindings", body);
    },
  };
}

const account: User = {
  username: "system:serviceaccount:test:app",
  groups: ["system:serviceaccounts", "system:serviceaccounts:test", "system:authenticated"],
};
const ask = (verb: string, resource: string, more: Partial<KubeFields> = {}): Attributes =>
  ({ verb, group: "", resource, subresource: "", namespace: "test", name: "", ...more }) as Attributes;
const READ_PODS = [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }];
const APP = { kind: "ServiceAccount", name: "app", namespace: "test" };

describe("RBAC", () => {
  it("allows nothing without a binding, and everything to system:masters", () => {
    const { authorizer } = cluster();
    expect(authorizer.decide(account, ask("get", "pods"))).toEqual({ allowed: false, reason: "" });
    const admin = { username: "root", groups: ["system:masters"] };
    expect(authorizer.decide(admin, ask("delete", "nodes", { namespace: "" })).allowed).toBe(true);
  });

  it("allows discovery and reviews of oneself to everyone who is authenticated", () => {
    const { authorizer } = cluster();
    expect(authorizer.decide(account, { verb: "get", path: "/apis/apps/v1" }).allowed).toBe(true);
    expect(authorizer.decide(account, { verb: "get", path: "/metrics" }).allowed).toBe(false);
    const review = ask("create", "selfsubjectaccessreviews", { group: "authorization.k8s.io", namespace: "" });
    expect(authorizer.decide(account, review).allowed).toBe(true);
  });

  it("keeps a Role to its namespace, and says which binding allows", () => {
    const { authorizer, role, bind } = cluster();
    role("reader", READ_PODS);
    bind("Role", "reader", APP, "test");
    expect(authorizer.decide(account, ask("list", "pods"))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "reader-b/test" of Role "reader" to ServiceAccount "app/test"',
    });
    expect(authorizer.decide(account, ask("list", "pods", { namespace: "" })).allowed).toBe(false);
    expect(authorizer.decide(account, ask("list", "pods", { namespace: "default" })).allowed).toBe(false);
    expect(authorizer.decide(account, ask("watch", "pods")).allowed).toBe(false);
    expect(authorizer.decide(account, ask("get", "pods", { subresource: "log" })).allowed).toBe(false);
  });

  it("gives a ClusterRole in one namespace by a RoleBinding, everywhere by a ClusterRoleBinding", () => {
    const { authorizer, clusterRole, bind } = cluster();
    clusterRole("reader", READ_PODS);
    bind("ClusterRole", "reader", { kind: "Group", name: "system:serviceaccounts:test" }, "test");
    expect(authorizer.decide(account, ask("get", "pods")).allowed).toBe(true);
    expect(authorizer.decide(account, ask("get", "pods", { namespace: "default" })).allowed).toBe(false);
    bind("ClusterRole", "reader", { kind: "User", name: "jane" });
    const jane = { username: "jane", groups: [] };
    expect(authorizer.decide(jane, ask("list", "pods", { namespace: "" })).allowed).toBe(true);
  });

  it("names a role that a binding points to and that is not there", () => {
    const { authorizer, bind } = cluster();
    bind("ClusterRole", "gone", APP);
    expect(authorizer.decide(account, ask("get", "pods")).reason).toBe(
      'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    );
  });

  it.each<[string, KubeFields, Attributes, boolean]>([
    ["a named object", { resourceNames: ["a"] }, ask("get", "pods", { name: "a" }), true],
    ["another object", { resourceNames: ["a"] }, ask("get", "pods", { name: "b" }), false],
    ["a list, when objects are named", { resourceNames: ["a"] }, ask("get", "pods"), false],
    ["a subresource by its name", { resources: ["pods/log"] }, ask("get", "pods", { subresource: "log" }), true],
    ["a subresource of anything", { resources: ["*/scale"] }, ask("get", "pods", { subresource: "scale" }), true],
    ["the object itself, by */scale", { resources: ["*/scale"] }, ask("get", "pods"), false],
    ["everything", { apiGroups: ["*"], resources: ["*"], verbs: ["*"] }, ask("patch", "x", { group: "y" }), true],
    ["another group", { apiGroups: ["apps"] }, ask("get", "pods"), false],
  ])("decides about %s", (_, change, attributes, allowed) => {
    expect(allows({ apiGroups: [""], resources: ["pods"], verbs: ["get"], ...change }, attributes)).toBe(allowed);
  });
});
