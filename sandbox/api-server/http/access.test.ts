/** RBAC over HTTP, on the sandbox's API server or on a real one (see test-client.ts). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimAddressBlock } from "../../addresses.ts";
import { type ApiServer, startApiServer } from "../index.ts";
import { externalServer, type TestClient, testClient } from "./test-client.ts";

const external = externalServer();
const NAMESPACE = `access-${process.pid}`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const PODS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const APP = `system:serviceaccount:${NAMESPACE}:app`;
const as = (user: string, ...groups: readonly string[]) => ({
  "impersonate-user": user,
  ...(groups.length > 0 && { "impersonate-group": groups.join(", ") }),
});

let server: ApiServer | undefined;
let client: TestClient;
let release = async () => {};

beforeAll(async () => {
  if (external === undefined) {
    const addresses = await claimAddressBlock();
    const started = await startApiServer({ addresses });
    server = started;
    release = async () => {
      await started.stop();
      await addresses.release();
    };
  }
  client = testClient(external ?? (server as ApiServer));
  await client.send("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  await client.send("POST", `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: "app" } });
  const role = {
    metadata: { name: "reader" },
    rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }],
  };
  await client.send("POST", `${RBAC}/namespaces/${NAMESPACE}/roles`, role);
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" };
  const subjects = [{ kind: "ServiceAccount", name: "app", namespace: NAMESPACE }];
  await client.send("POST", `${RBAC}/namespaces/${NAMESPACE}/rolebindings`, {
    metadata: { name: "reader" },
    roleRef,
    subjects,
  });
});

afterAll(async () => {
  await client.send("DELETE", `/api/v1/namespaces/${NAMESPACE}`);
  await release();
});

describe("a ServiceAccount", () => {
  it("with a token of its own may do what its Role says, and no more", async () => {
    const asked = await client.send("POST", `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/app/token`, {});
    const place = external ?? (server as ApiServer);
    const app = testClient({ url: place.url, ca: place.ca, token: asked.json.status.token });
    expect((await app.send("GET", PODS)).code).toBe(200);
    expect(await app.send("POST", PODS, { metadata: { name: "a" } })).toMatchObject({
      code: 403,
      json: {
        kind: "Status",
        reason: "Forbidden",
        message: `configmaps is forbidden: User "${APP}" cannot create resource "configmaps" in API group "" in the namespace "${NAMESPACE}"`,
        details: { kind: "configmaps" },
      },
    });
    expect((await app.send("GET", "/api/v1/configmaps")).json.message).toBe(
      `configmaps is forbidden: User "${APP}" cannot list resource "configmaps" in API group "" at the cluster scope`,
    );
    expect((await app.send("GET", `${PODS}/x`)).code).toBe(404);
    expect((await app.send("DELETE", `${PODS}/x`)).json.message).toContain(
      `configmaps "x" is forbidden: User "${APP}"`,
    );
    expect((await app.send("GET", "/apis")).code).toBe(200);
    expect((await app.send("GET", "/metrics")).code).toBe(403);
  });

  it("needs the right to create for an apply that creates", async () => {
    const role = {
      metadata: { name: "patcher" },
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }],
    };
    await client.send("POST", `${RBAC}/namespaces/${NAMESPACE}/roles`, role);
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "patcher" };
    const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "patrick" }];
    await client.send("POST", `${RBAC}/namespaces/${NAMESPACE}/rolebindings`, {
      metadata: { name: "patcher" },
      roleRef,
      subjects,
    });
    const headers = { ...as("patrick"), "content-type": "application/apply-patch+yaml" };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { a: "1" } };
    const path = `${PODS}/applied?fieldManager=test`;
    expect((await client.send("PATCH", path, object, headers)).code).toBe(403);
    await client.send("POST", PODS, object);
    expect((await client.send("PATCH", `${path}&force=true`, object, headers)).code).toBe(200);
  });
});

describe("impersonation", () => {
  it("needs the verb impersonate", async () => {
    expect((await client.send("GET", PODS, undefined, as(APP))).code).toBe(200);
    expect((await client.send("GET", PODS, undefined, as("jane"))).code).toBe(403);
    expect((await client.send("GET", PODS, undefined, as("jane", "system:masters"))).code).toBe(200);
  });
});

describe("reviews", () => {
  const attributes = (verb: string) => ({ verb, resource: "configmaps", namespace: NAMESPACE });
  const post = (plural: string, spec: object, headers = {}) =>
    client.send("POST", `/apis/authorization.k8s.io/v1/${plural}`, { spec }, headers);

  it("answer what oneself may do", async () => {
    const mine = (verb: string) => post("selfsubjectaccessreviews", { resourceAttributes: attributes(verb) }, as(APP));
    expect((await mine("list")).json.status).toMatchObject({
      allowed: true,
      reason: `RBAC: allowed by RoleBinding "reader/${NAMESPACE}" of Role "reader" to ServiceAccount "app/${NAMESPACE}"`,
    });
    expect((await mine("delete")).json.status.allowed).toBe(false);
    const { status } = (await post("selfsubjectrulesreviews", { namespace: NAMESPACE }, as(APP))).json;
    expect(status.resourceRules).toContainEqual({ verbs: ["get", "list"], apiGroups: [""], resources: ["configmaps"] });
    expect(status.nonResourceRules.length).toBeGreaterThan(0);
  });

  it("answer what others may do, to those who may ask", async () => {
    const about = { user: APP, resourceAttributes: attributes("get") };
    expect((await post("subjectaccessreviews", about)).json.status.allowed).toBe(true);
    expect((await post("subjectaccessreviews", about, as(APP))).code).toBe(403);
    expect(
      (await post("subjectaccessreviews", { ...about, resourceAttributes: attributes("patch") })).json.status.allowed,
    ).toBe(false);
  });
});
