import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { LogLine, PodLogs } from "../../cluster.ts";
import { type ApiServer, startApiServer } from "../index.ts";
import { block, bool, message } from "../protobuf/encode.ts";
import { externalServer, type TestClient, testClient } from "./test-client.ts";

const addresses = { service: () => "127.66.128.9", releaseService: () => {} };
const NAMESPACE = `http-${Date.now().toString(36)}`;
const CM = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
const MERGE = { "content-type": "application/merge-patch+json" };
const APPLY = { "content-type": "application/apply-patch+yaml" };

const external = externalServer();
/** For what can be true of the sandbox alone. */
const describeSandbox = external === undefined ? describe : () => undefined;

/** Only where the sandbox is tested. */
let server: ApiServer;
let client: TestClient;

beforeAll(async () => {
  if (external === undefined) server = await startApiServer({ addresses });
  client = testClient(external ?? server);
  const made = await client.send("POST", "/api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
  });
  expect(made.code).toBe(201);
});
afterAll(async () => {
  await client.send("DELETE", `/api/v1/namespaces/${NAMESPACE}`);
  await server?.stop();
});

const config = (name: string, rest: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  ...rest,
});
const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: "app", image: "app:1" }] },
});
const deployment = (name: string, spec: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: template(name), ...spec },
});

describe("access", () => {
  it("asks for a token", async () => {
    const stranger = testClient({ ...(external ?? server), token: "" });
    // The sandbox has no user without one; a real server may have "system:anonymous", which has no rights.
    expect([401, 403]).toContain((await stranger.send("GET", CM)).code);
    const guesser = testClient({ ...(external ?? server), token: "wrong" });
    expect(await guesser.send("GET", CM)).toMatchObject({
      code: 401,
      json: { reason: "Unauthorized", kind: "Status" },
    });
  });
});

describe("objects", () => {
  it("are created, read, replaced and deleted", async () => {
    const made = await client.send("POST", CM, config("crud", { data: { a: "1" } }));
    expect(made).toMatchObject({ code: 201, json: { metadata: { namespace: NAMESPACE, name: "crud" } } });
    expect((await client.send("POST", CM, config("crud"))).json).toMatchObject({ code: 409, reason: "AlreadyExists" });
    const next = { ...made.json, data: { a: "2" } };
    expect((await client.send("PUT", `${CM}/crud`, next)).json.data).toEqual({ a: "2" });
    expect((await client.send("PUT", `${CM}/crud`, next)).json).toMatchObject({ code: 409, reason: "Conflict" });
    expect((await client.send("PUT", `${CM}/other`, next)).code).toBe(400);
    const gone = await client.send("DELETE", `${CM}/crud`);
    expect(gone.json).toMatchObject({ status: "Success", details: { name: "crud", uid: made.json.metadata.uid } });
    expect((await client.send("GET", `${CM}/crud`)).json).toMatchObject({
      code: 404,
      message: 'configmaps "crud" not found',
      details: { name: "crud", kind: "configmaps" },
    });
  });

  it("lose unknown fields with a warning, or are refused", async () => {
    const odd = config("odd", { dataa: { a: "b" } });
    const strict = await client.send("POST", `${CM}?fieldValidation=Strict`, odd);
    expect(strict.json.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"',
    );
    const warned = await client.send("POST", CM, odd);
    expect(warned.headers.warning).toBe('299 - "unknown field \\"dataa\\""');
    expect(warned.json.dataa).toBeUndefined();
  });

  it("are only rehearsed with dryRun", async () => {
    expect((await client.send("POST", `${CM}?dryRun=All`, config("dry"))).code).toBe(201);
    expect((await client.send("GET", `${CM}/dry`)).code).toBe(404);
    expect((await client.send("POST", `${CM}?dryRun=Some`, config("dry"))).json).toMatchObject({
      code: 422,
      message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    });
  });

  it("come in pages that a watch can continue", async () => {
    for (const name of ["p1", "p2", "p3"])
      await client.send("POST", CM, config(name, { metadata: { name, labels: { page: "" } } }));
    const query = `${CM}?labelSelector=page`;
    const first = await client.send("GET", `${query}&limit=2`);
    expect(first.json.items.map((item: KubeObject) => item.metadata.name)).toEqual(["p1", "p2"]);
    expect(first.json.items[0].kind).toBeUndefined();
    expect(first.json.metadata.remainingItemCount).toBeUndefined();
    expect((await client.send("GET", `${CM}?limit=1`)).json.metadata.remainingItemCount).toBeGreaterThan(1);
    const second = await client.send("GET", `${query}&limit=2&continue=${first.json.metadata.continue}`);
    expect(second.json.items.map((item: KubeObject) => item.metadata.name)).toEqual(["p3"]);
    expect(second.json.metadata).toEqual({ resourceVersion: first.json.metadata.resourceVersion });
    expect((await client.send("DELETE", query)).json.items).toHaveLength(3);
    expect((await client.send("GET", query)).json.items).toEqual([]);
  });

  it("are chosen by labels and fields", async () => {
    const labels: Record<string, Record<string, string>> = {
      s1: { sel: "a" },
      s2: { sel: "b", x: "1" },
      s3: { sel: "c" },
    };
    for (const [name, own] of Object.entries(labels))
      await client.send("POST", CM, config(name, { metadata: { name, labels: own } }));
    const names = async (query: string) => {
      const { json } = await client.send("GET", `${CM}?${new URLSearchParams(query)}`);
      return json.items?.map((item: KubeObject) => item.metadata.name).join(" ") ?? json.message;
    };
    expect(await names("labelSelector=sel in (a, b)")).toBe("s1 s2");
    expect(await names("labelSelector=sel notin (a),sel")).toBe("s2 s3");
    expect(await names("labelSelector=sel,!x")).toBe("s1 s3");
    expect(await names("labelSelector=sel!=a,x==1")).toBe("s2");
    expect(await names("labelSelector=sel&fieldSelector=metadata.name!=s1")).toBe("s2 s3");
    expect(await names("fieldSelector=data.x=1")).toContain('"data.x" is not a known field selector');
  });

  it("may not be the namespaces that every cluster has", async () => {
    const refused = await client.send("DELETE", "/api/v1/namespaces/default");
    expect(refused.json).toMatchObject({ code: 403, reason: "Forbidden" });
  });

  it("leave with finalizers when a policy asks for it", async () => {
    await client.send("POST", DEPLOYMENTS, deployment("fg"));
    const answer = await client.send("DELETE", `${DEPLOYMENTS}/fg`, { propagationPolicy: "Foreground" });
    expect(answer.json.metadata).toMatchObject({ finalizers: ["foregroundDeletion"], generation: 2 });
    await client.send("PATCH", `${DEPLOYMENTS}/fg`, { metadata: { finalizers: null } }, MERGE);
    expect((await client.send("GET", `${DEPLOYMENTS}/fg`)).code).toBe(404);
    await client.send("POST", DEPLOYMENTS, deployment("pre"));
    const wrong = await client.send("DELETE", `${DEPLOYMENTS}/pre`, { preconditions: { uid: "x" } });
    expect(wrong.json).toMatchObject({ code: 409, reason: "Conflict" });
    expect(
      (await client.send("DELETE", `${DEPLOYMENTS}/pre?propagationPolicy=Orphan`)).json.metadata.finalizers,
    ).toEqual(["orphan"]);
  });
});

describe("patches", () => {
  it("change objects in four dialects, and record who did", async () => {
    await client.send("POST", `${DEPLOYMENTS}?fieldManager=maker`, deployment("four"));
    const path = `${DEPLOYMENTS}/four`;
    const strategic = { "content-type": "application/strategic-merge-patch+json" };
    const containers = [{ name: "side", image: "side:1" }];
    await client.send("PATCH", path, { spec: { template: { spec: { containers } } } }, strategic);
    await client.send("PATCH", path, { spec: { replicas: 2 } }, MERGE);
    const json = { "content-type": "application/json-patch+json" };
    const missing = await client.send("PATCH", path, [{ op: "remove", path: "/spec/minReadySeconds" }], json);
    expect(missing.json).toMatchObject({
      code: 422,
      message: "the server rejected our request due to an error in our request",
    });
    // Kubernetes replaces what is not there, where RFC 6902 does not.
    await client.send("PATCH", path, [{ op: "replace", path: "/spec/minReadySeconds", value: 3 }], json);
    const wanted = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: four}\nspec: {replicas: 5}\n";
    const refused = await client.send("PATCH", `${path}?fieldManager=me`, wanted, APPLY);
    expect(refused.json).toMatchObject({ code: 409, reason: "Conflict" });
    expect(refused.json.details.causes[0]).toMatchObject({ reason: "FieldManagerConflict", field: ".spec.replicas" });
    const forced = await client.send("PATCH", `${path}?fieldManager=me&force=true`, wanted, APPLY);
    expect(forced.json.spec).toMatchObject({ replicas: 5, minReadySeconds: 3 });
    expect(forced.json.spec.template.spec.containers.map((container: KubeFields) => container.name).sort()).toEqual([
      "app",
      "side",
    ]);
    const managers = forced.json.metadata.managedFields.map(
      (entry: KubeFields) => `${entry.manager} ${entry.operation}`,
    );
    // Controllers may have reported meanwhile.
    expect(managers).toEqual(expect.arrayContaining(["me Apply", "maker Update", "test-client Update"]));
    expect(managers[0]).toBe("me Apply");
  });

  it("create what is applied and missing, and refuse what no schema knows", async () => {
    const body = JSON.stringify(config("applied", { data: { a: "1" } }));
    const made = await client.send("PATCH", `${CM}/applied?fieldManager=me`, body, APPLY);
    expect(made).toMatchObject({ code: 201, json: { data: { a: "1" } } });
    expect((await client.send("PATCH", `${CM}/applied?fieldManager=me`, body, APPLY)).json).toEqual(made.json);
    const odd = JSON.stringify(config("applied", { dat: {} }));
    expect((await client.send("PATCH", `${CM}/applied?fieldManager=me`, odd, APPLY)).json.message).toContain(
      ".dat: field not declared in schema",
    );
    expect((await client.send("PATCH", `${CM}/applied`, body, APPLY)).code).toBe(422);
    expect((await client.send("PATCH", `${CM}/applied`, body, { "content-type": "text/plain" })).code).toBe(415);
  });

  it("scale, and report the status, without touching the rest", async () => {
    await client.send("POST", DEPLOYMENTS, deployment("scaled"));
    const scaled = await client.send("PATCH", `${DEPLOYMENTS}/scaled/scale`, { spec: { replicas: 7 } }, MERGE);
    expect(scaled.json).toMatchObject({ kind: "Scale", spec: { replicas: 7 }, status: { selector: "app=scaled" } });
    const bad = await client.send("PUT", `${DEPLOYMENTS}/scaled/scale`, { ...scaled.json, spec: { replicas: -1 } });
    expect(bad.code).toBe(422);
    const status = { status: { replicas: 7 }, spec: { replicas: 1 } };
    const reported = await client.send("PATCH", `${DEPLOYMENTS}/scaled/status`, status, MERGE);
    expect(reported.json).toMatchObject({
      spec: { replicas: 7 },
      status: { replicas: 7 },
      metadata: { generation: 2 },
    });
  });
});

describe("watches", () => {
  it("tell what is, then what happens; selectors add and remove", async () => {
    await client.send("POST", CM, config("w1", { metadata: { name: "w1", labels: { watched: "yes" } } }));
    const stream = await client.watch(`${CM}?watch=1&resourceVersion=0&labelSelector=watched%3Dyes`);
    expect(await stream.next()).toMatchObject({
      type: "ADDED",
      object: { kind: "ConfigMap", metadata: { name: "w1" } },
    });
    await client.send("POST", CM, config("w2"));
    await client.send("PATCH", `${CM}/w2`, { metadata: { labels: { watched: "yes" } } }, MERGE);
    expect(await stream.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "w2" } } });
    await client.send("PATCH", `${CM}/w2`, { data: { a: "1" } }, MERGE);
    expect(await stream.next()).toMatchObject({ type: "MODIFIED", object: { data: { a: "1" } } });
    const left = await client.send("PATCH", `${CM}/w2`, { metadata: { labels: null }, data: { a: "2" } }, MERGE);
    expect(await stream.next()).toMatchObject({
      type: "DELETED",
      object: { data: { a: "1" }, metadata: { resourceVersion: left.json.metadata.resourceVersion } },
    });
    stream.close();
  });

  it("resume where they ended", async () => {
    const { json } = await client.send("GET", CM);
    const from = json.metadata.resourceVersion;
    await client.send("POST", CM, config("missed"));
    await client.send("DELETE", `${CM}/missed`);
    const stream = await client.watch(`${CM}?watch=true&resourceVersion=${from}&timeoutSeconds=1`);
    expect(await stream.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "missed" } } });
    expect(await stream.next()).toMatchObject({ type: "DELETED" });
    expect(await stream.next()).toBeUndefined();
  });

  it("answer 410 in the stream when the past is forgotten", async () => {
    const stream = await client.watch(`${CM}?watch=1&resourceVersion=1`);
    expect(await stream.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect(await stream.next()).toBeUndefined();
    expect((await client.send("GET", `${CM}?resourceVersion=9999999999999999`)).json).toMatchObject({
      code: 504,
      details: { causes: [{ reason: "ResourceVersionTooLarge" }] },
    });
  });

  it("speak Table", async () => {
    const table = await client.watch("/api/v1/namespaces?watch=1&resourceVersion=0", TABLE);
    const row = await table.next(({ object }) => object.rows[0].cells[0] === "default");
    expect(row).toMatchObject({
      type: "ADDED",
      object: { kind: "Table", rows: [{ cells: ["default", "Active", expect.any(String)] }] },
    });
    table.close();
  });
});

// Bookmarks come when a server likes; a real one has initial events only with an etcd that can mark progress.
describeSandbox("the sandbox's own watches", () => {
  it("end with a bookmark", async () => {
    const { json } = await client.send("GET", CM);
    const from = json.metadata.resourceVersion;
    await client.send("POST", CM, config("marked"));
    const query = `watch=true&resourceVersion=${from}&timeoutSeconds=1&allowWatchBookmarks=true`;
    const stream = await client.watch(`${CM}?${query}`);
    expect(await stream.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "marked" } } });
    const bookmark = await stream.next();
    expect(bookmark).toMatchObject({ type: "BOOKMARK", object: { kind: "ConfigMap", apiVersion: "v1" } });
    expect(Number(bookmark.object.metadata.resourceVersion)).toBeGreaterThan(Number(from));
    expect(await stream.next()).toBeUndefined();
  });

  it("answer 410 to versions of another sandbox, so that its clients list again", async () => {
    const stream = await client.watch(`${CM}?watch=1&resourceVersion=9999999999999999`);
    expect(await stream.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect(await stream.next()).toBeUndefined();
  });

  it("mark the end of the initial events", async () => {
    const path =
      "/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const stream = await client.watch(path);
    const mark = await stream.next((line) => line.type === "BOOKMARK");
    expect(mark.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
    stream.close();
  });
});

/** A real server describes a new kind, or forgets an old one, soon after; nothing tells when. @returns its address */
async function described(index: () => Promise<KubeFields>, there: boolean): Promise<string> {
  for (;;) {
    const entry = (await index())["apis/example.org/v1"];
    if ((entry !== undefined) === there) return entry?.serverRelativeURL ?? "";
  }
}

describe("discovery and OpenAPI", () => {
  it("list groups and resources in the old form and the aggregated one", async () => {
    expect((await client.send("GET", "/api")).json.versions).toEqual(["v1"]);
    const groups = (await client.send("GET", "/apis")).json.groups.map((group: KubeFields) => group.name);
    expect(groups).toContain("apps");
    expect(groups).not.toContain("");
    expect((await client.send("GET", "/apis/autoscaling")).json.preferredVersion.version).toBe("v2");
    const names = (await client.send("GET", "/apis/apps/v1")).json.resources.map(
      (resource: KubeFields) => resource.name,
    );
    expect(names).toEqual(expect.arrayContaining(["deployments", "deployments/scale", "deployments/status"]));
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const aggregated = await client.send("GET", "/apis", undefined, { accept });
    expect(aggregated.headers["content-type"]).toContain("v=v2;");
    expect(aggregated.json.apiVersion).toBe("apidiscovery.k8s.io/v2");
    expect((await client.send("GET", "/apis/apps/v9")).json).toMatchObject({ code: 404, reason: "NotFound" });
    for (const path of ["/apis/nope", "/apis/nope/v1/things", "/nope"])
      expect(await client.send("GET", path)).toMatchObject({ code: 404, text: "404 page not found\n" });
  });

  it("describe the kinds, with merge keys, and change their address with the CRDs", async () => {
    const index = async () => (await client.send("GET", "/openapi/v3")).json.paths;
    expect((await index())["apis/apps/v1"].serverRelativeURL).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=/);
    const apps = (await client.send("GET", "/openapi/v3/apis/apps/v1")).json;
    const schemas = apps.components.schemas;
    expect(schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"]).toEqual([
      { group: "apps", kind: "Deployment", version: "v1" },
    ]);
    const podSpec = schemas["io.k8s.api.core.v1.PodSpec"].properties.containers;
    expect(podSpec["x-kubernetes-patch-merge-key"]).toBe("name");
    const patch = apps.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"].patch;
    expect(patch.parameters.map((parameter: KubeFields) => parameter.name)).toContain("fieldValidation");
    const crd = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "gizmos.example.org" },
      spec: {
        group: "example.org",
        scope: "Namespaced",
        names: { plural: "gizmos", kind: "Gizmo" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: { spec: { type: "object", properties: { n: { type: "integer" } } } },
              },
            },
            additionalPrinterColumns: [{ name: "N", type: "integer", jsonPath: ".spec.n" }],
          },
        ],
      },
    };
    await client.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
    const before = await described(index, true);
    const gizmos = (await client.send("GET", before)).json.components.schemas;
    expect(gizmos["org.example.v1.Gizmo"].properties.spec.properties.n).toEqual({ type: "integer" });
    const path = `/apis/example.org/v1/namespaces/${NAMESPACE}/gizmos`;
    await client.send("POST", path, {
      apiVersion: "example.org/v1",
      kind: "Gizmo",
      metadata: { name: "g" },
      spec: { n: 3 },
    });
    const table = await client.send("GET", path, undefined, TABLE);
    expect(table.json.columnDefinitions.map((column: KubeFields) => column.name)).toEqual(["Name", "N"]);
    expect(table.json.rows[0].cells).toEqual(["g", 3]);
    // Its finalizer has no domain, which only Kubernetes' own objects may not have.
    const definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gizmos.example.org";
    expect((await client.send("PATCH", definition, { metadata: { labels: { a: "b" } } }, MERGE)).code).toBe(200);
    const stream = await client.watch(`${path}?watch=1`);
    await client.send("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gizmos.example.org");
    expect(await stream.next((line) => line.type === "DELETED")).toMatchObject({ object: { metadata: { name: "g" } } });
    expect(await stream.next()).toBeUndefined();
    await described(index, false);
  });
});

describeSandbox("the sandbox's own listener", () => {
  it("answers health checks without a token", async () => {
    const stranger = testClient({ ...server, token: "" });
    expect(await stranger.send("GET", "/readyz")).toMatchObject({ code: 200, text: "ok" });
    expect((await stranger.send("GET", "/version")).json.minor).toBe("33");
  });

  it("says so when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    await expect(startApiServer({ addresses, port })).rejects.toThrow(`127.0.0.1:${port}: the port is taken`);
    other.close();
  });

  it("gives service accounts tokens of their own", async () => {
    const made = await client.send("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {});
    const guest = testClient({ ...server, token: made.json.status.token });
    const review = await guest.send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
    expect(review.json.status.userInfo.username).toBe("system:serviceaccount:default:default");
  });

  it("lets its own controllers take fields, visibly", async () => {
    await client.send(
      "PATCH",
      `${DEPLOYMENTS}/own?fieldManager=me`,
      JSON.stringify(deployment("own", { replicas: 2 })),
      APPLY,
    );
    const live = server.cluster.get(RESOURCES.deployment, NAMESPACE, "own") as KubeObject;
    server.cluster.update(RESOURCES.deployment, { ...live, spec: { ...live.spec, replicas: 4 } });
    const again = await client.send(
      "PATCH",
      `${DEPLOYMENTS}/own?fieldManager=me`,
      JSON.stringify(deployment("own", { replicas: 2 })),
      APPLY,
    );
    expect(again.json.message).toContain('conflict with "aviary-sandbox"');
  });
});

describeSandbox("logs, evictions and what of protobuf is refused", () => {
  it("streams a container's lines", async () => {
    const listeners = new Set<(line: LogLine) => void>();
    const ends: (() => void)[] = [];
    const lines = [1, 2, 3].map((n) => ({ time: `2024-01-01T00:00:0${n}Z`, text: `line ${n}` }));
    const logs: PodLogs = {
      read: (_namespace, _pod, container) => (container === "app" ? lines : undefined),
      follow: (_namespace, _pod, _container, listener, ended) => {
        listeners.add(listener);
        ends.push(ended);
        return () => listeners.delete(listener);
      },
    };
    const metadata = { name: "talker" };
    const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [{ name: "app", image: "app:1" }] } };
    await client.send("POST", "/api/v1/namespaces/default/pods", pod);
    const path = "/api/v1/namespaces/default/pods/talker/log";
    expect((await client.send("GET", path)).code).toBe(503);
    server.setLogs(logs);
    expect((await client.send("GET", `${path}?tailLines=2`)).text).toBe("line 2\nline 3\n");
    expect((await client.send("GET", `${path}?sinceTime=2024-01-01T00:00:03Z&timestamps=true`)).text).toBe(
      "2024-01-01T00:00:03Z line 3\n",
    );
    expect((await client.send("GET", `${path}?container=none`)).code).toBe(400);
    const stream = await client.watch(`${path}?follow=true&tailLines=1`);
    expect(await stream.next()).toBe("line 3");
    for (const listener of listeners) listener({ time: "2024-01-01T00:00:04Z", text: "line 4" });
    expect(await stream.next()).toBe("line 4");
    for (const end of ends) end();
    expect(await stream.next()).toBeUndefined();
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata };
    expect((await client.send("POST", "/api/v1/namespaces/default/pods/talker/eviction", eviction)).code).toBe(201);
    expect((await client.send("GET", "/api/v1/namespaces/default/pods/talker")).code).toBe(404);
  });

  it("reads Kubernetes protobuf, and refuses fields it would have to drop", async () => {
    const pair = (key: string, value: string) => message(block(1, key), block(2, value));
    const metadata = message(block(1, "binary"), block(4, ""), block(11, pair("app", "x")));
    const raw = (...fields: Buffer[]) => {
      const typeMeta = message(block(1, "v1"), block(2, "ConfigMap"));
      return Buffer.concat([
        Buffer.from("k8s\0"),
        block(1, typeMeta),
        block(2, message(block(1, metadata), ...fields)),
      ]);
    };
    const protobuf = { "content-type": "application/vnd.kubernetes.protobuf" };
    const made = await client.send("POST", CM, raw(block(2, pair("a", "b")), bool(4, true)), protobuf);
    expect(made.json).toMatchObject({ data: { a: "b" }, immutable: true, metadata: { labels: { app: "x" } } });
    const refused = await client.send("POST", CM, raw(block(99, "news")), protobuf);
    expect(refused.json.message).toContain("field 99 of ConfigMap is not supported in protobuf");
    expect((await client.send("POST", CM, Buffer.from("k8s"), protobuf)).code).toBe(400);
  });
});
