import { describe, expect, it } from "vitest";
import { type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { ApiError, type WatchEvent } from "../cluster.ts";
import { createStore } from "./store.ts";

const { deployment, configMap, service, namespace, crd, secret, hpa, pod, event } = RESOURCES;
const HPA_V1: ResourceType = { ...hpa, version: "v1" };
const SERVICE_ACCOUNT: ResourceType = { ...pod, kind: "ServiceAccount", plural: "serviceaccounts" };

const podinfo = (name = "podinfo"): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default", labels: { app: name } },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name: "app",
            image: "podinfo:6.0.0",
            ports: [{ containerPort: 9898 }],
            livenessProbe: { httpGet: { port: 1 } },
          },
        ],
      },
    },
  },
});

const config = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});

const widgets: ResourceType = {
  group: "example.org",
  version: "v1",
  plural: "widgets",
  kind: "Widget",
  namespaced: true,
};
const widget = (name: string, spec: object = { size: 1 }): KubeObject => ({
  apiVersion: "example.org/v1",
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec,
});
const version = (name: string, storage: boolean) => ({
  name,
  served: true,
  storage,
  subresources: { status: {} },
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: { size: { type: "integer", minimum: 1 }, color: { type: "string", default: "red" } },
        },
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
});
const widgetCrd: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.org" },
  spec: {
    group: "example.org",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget" },
    versions: [version("v1", true), version("v1beta1", false)],
  },
};

function refusal(act: () => unknown): ApiError {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the store", () => {
  it("starts with the namespaces of every cluster, each with its service account", () => {
    const store = createStore();
    const names = store.list(namespace).map(({ metadata }) => metadata.name);
    expect(names).toEqual(["default", "kube-node-lease", "kube-public", "kube-system"]);
    expect(store.get(namespace, "", "default")?.metadata.labels).toEqual({ "kubernetes.io/metadata.name": "default" });
    expect(store.list(SERVICE_ACCOUNT)).toHaveLength(4);
  });

  it("fills in what the API server fills in", () => {
    const made = createStore().create(deployment, podinfo());
    expect(made.metadata).toMatchObject({
      generation: 1,
      uid: expect.any(String),
      resourceVersion: expect.any(String),
    });
    expect(made.spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
    });
    expect(made.spec.template.spec).toEqual({
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      schedulerName: "default-scheduler",
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: "app",
          image: "podinfo:6.0.0",
          imagePullPolicy: "IfNotPresent",
          ports: [{ containerPort: 9898, protocol: "TCP" }],
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
          livenessProbe: {
            httpGet: { port: 1, path: "/", scheme: "HTTP" },
            failureThreshold: 3,
            periodSeconds: 10,
            successThreshold: 1,
            timeoutSeconds: 1,
          },
        },
      ],
    });
  });

  it("counts generations for changes of the spec, and nothing for writes that change nothing", () => {
    const store = createStore();
    const made = store.create(deployment, podinfo());
    expect(store.update(deployment, podinfo())).toBe(made);
    const labelled = store.update(deployment, { ...made, metadata: { ...made.metadata, labels: { app: "x" } } });
    expect(labelled.metadata.generation).toBe(1);
    expect(Number(labelled.metadata.resourceVersion)).toBe(Number(made.metadata.resourceVersion) + 1);
    const scaled = store.update(deployment, { ...labelled, spec: { ...labelled.spec, replicas: 3 } });
    expect(scaled.metadata.generation).toBe(2);
    const reported = store.updateStatus(deployment, { ...scaled, spec: { replicas: 99 }, status: { replicas: 3 } });
    expect(reported.metadata.generation).toBe(2);
    expect(reported.spec.replicas).toBe(3);
    const respecified = store.update(deployment, { ...reported, status: { replicas: 7 } });
    expect(respecified).toBe(reported);
  });

  it("refuses what is stale, missing, there already, misnamed, mistyped, or in no namespace", () => {
    const store = createStore();
    const made = store.create(deployment, podinfo());
    store.update(deployment, { ...made, spec: { ...made.spec, replicas: 2 } });
    const stale = refusal(() => store.update(deployment, { ...made, spec: { ...made.spec, replicas: 3 } }));
    expect(stale).toMatchObject({ code: 409, reason: "Conflict" });
    expect(stale.message).toBe(
      'Operation cannot be fulfilled on deployments.apps "podinfo": the object has been modified; ' +
        "please apply your changes to the latest version and try again",
    );
    expect(refusal(() => store.update(configMap, config("none"))).message).toBe('configmaps "none" not found');
    expect(refusal(() => store.create(deployment, podinfo())).message).toBe(
      'deployments.apps "podinfo" already exists',
    );
    const misnamed = refusal(() => store.create(configMap, config("Bad_Name")));
    expect(misnamed).toMatchObject({ code: 422, reason: "Invalid" });
    expect(misnamed.message).toContain(
      'ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a low',
    );
    const away = { ...config("x"), metadata: { name: "x", namespace: "away" } };
    expect(refusal(() => store.create(configMap, away))).toMatchObject({
      code: 404,
      message: 'namespaces "away" not found',
    });
    const mistyped = podinfo("y");
    mistyped.spec.replicas = "many";
    expect(refusal(() => store.create(deployment, mistyped)).code).toBe(400);
  });

  it("gives Services addresses, and takes them back", () => {
    const freed: string[] = [];
    let next = 0;
    const addresses = { service: () => `127.9.9.${++next}`, releaseService: (ip: string) => void freed.push(ip) };
    const store = createStore({ addresses });
    const web = (spec: object): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { app: "web" }, ports: [{ port: 80 }], ...spec },
    });
    const made = store.create(service, web({}));
    expect(made.spec).toMatchObject({ clusterIP: "127.9.9.1", clusterIPs: ["127.9.9.1"], type: "ClusterIP" });
    expect(made.spec.ports).toEqual([{ port: 80, protocol: "TCP", targetPort: 80 }]);
    expect(store.update(service, web({})).spec.clusterIP).toBe("127.9.9.1");
    store.remove(service, "default", "web");
    expect(freed).toEqual(["127.9.9.1"]);
    expect(store.create(service, web({ clusterIP: "None" })).spec.clusterIP).toBe("None");
    store.remove(service, "default", "web");
    expect(freed).toEqual(["127.9.9.1"]);
  });

  it("keeps a deleted object until its finalizers are gone, and lets none in", () => {
    const store = createStore();
    store.create(configMap, { ...config("a"), metadata: { ...config("a").metadata, finalizers: ["example.org/x"] } });
    store.remove(configMap, "default", "a");
    const dying = store.get(configMap, "default", "a");
    expect(dying?.metadata.deletionTimestamp).toBeDefined();
    const more = { ...config("a"), metadata: { ...config("a").metadata, finalizers: ["example.org/y"] } };
    expect(refusal(() => store.update(configMap, more)).message).toContain("no new finalizers can be added");
    store.update(configMap, config("a"));
    expect(store.get(configMap, "default", "a")).toBeUndefined();
  });

  it("finishes a namespace when it is finalized, and refuses new content until then", () => {
    const store = createStore();
    store.create(namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
    store.remove(namespace, "", "test");
    const dying = store.get(namespace, "", "test");
    expect(dying?.status.phase).toBe("Terminating");
    const inside = { ...config("x"), metadata: { name: "x", namespace: "test" } };
    expect(refusal(() => store.create(configMap, inside))).toMatchObject({ code: 403, reason: "Forbidden" });
    store.update(namespace, { ...(dying as KubeObject), spec: { finalizers: [] } });
    expect(store.get(namespace, "", "test")).toBeUndefined();
  });

  it("tells watches everything in order, from outside the verb", async () => {
    const store = createStore();
    store.create(configMap, config("a"));
    const seen: string[] = [];
    const stop = store.watch(configMap, ({ type, object }: WatchEvent) => {
      seen.push(`${type} ${object.metadata.name} ${object.data?.k ?? ""}`);
    });
    store.create(configMap, config("b"));
    store.update(configMap, config("b", { k: "1" }));
    store.remove(configMap, "default", "b");
    expect(seen).toEqual([]);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["ADDED a ", "ADDED b ", "MODIFIED b 1", "DELETED b 1"]);
    stop();
    store.create(configMap, config("c"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toHaveLength(4);
  });

  it("keeps secrets' texts as data, and serves autoscalers and events in both versions", () => {
    const store = createStore();
    const metadata = { name: "x", namespace: "default" };
    const made = store.create(secret, { apiVersion: "v1", kind: "Secret", metadata, stringData: { a: "b" } });
    expect(made.data).toEqual({ a: "Yg==" });
    expect(made["stringData"]).toBeUndefined();
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "x" };
    const spec = { scaleTargetRef, maxReplicas: 4, targetCPUUtilizationPercentage: 60 };
    store.create(HPA_V1, { apiVersion: "autoscaling/v1", kind: "HorizontalPodAutoscaler", metadata, spec });
    expect(store.get(hpa, "default", "x")?.spec.metrics[0].resource.target.averageUtilization).toBe(60);
    expect(store.get(HPA_V1, "default", "x")?.spec).toEqual({ ...spec, minReplicas: 1 });
    const involvedObject = { kind: "Pod", namespace: "default", name: "p" };
    store.create(event, { apiVersion: "v1", kind: "Event", metadata, involvedObject, message: "hello", reason: "R" });
    expect(store.get({ ...event, group: "events.k8s.io" }, "default", "x")).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      note: "hello",
      regarding: { name: "p" },
    });
  });

  it("serves what a CRD defines, and takes it away with the CRD", async () => {
    const store = createStore();
    const seen: string[] = [];
    store.watch(widgets, ({ type, object }) => void seen.push(`${type} ${object.apiVersion} ${object.metadata.name}`));
    expect(store.list(widgets)).toEqual([]);
    expect(refusal(() => store.create(widgets, widget("w"))).code).toBe(404);
    const made = store.create(crd, widgetCrd);
    expect(made.status.conditions.map((condition: { type: string }) => condition.type)).toEqual([
      "NamesAccepted",
      "Established",
    ]);
    const red = store.create(widgets, widget("w", { size: 2, weight: 3 }));
    expect(red.spec).toEqual({ size: 2, color: "red" });
    expect(store.get({ ...widgets, version: "v1beta1" }, "default", "w")?.apiVersion).toBe("example.org/v1beta1");
    expect(refusal(() => store.create(widgets, widget("v", { size: 0 }))).message).toBe(
      'Widget.example.org "v" is invalid: spec.size: Invalid value: 0: ' +
        "spec.size in body should be greater than or equal to 1",
    );
    store.remove(crd, "", "widgets.example.org");
    expect(store.get(crd, "", "widgets.example.org")).toBeUndefined();
    expect(refusal(() => store.create(widgets, widget("w"))).code).toBe(404);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(["ADDED example.org/v1 w", "DELETED example.org/v1 w"]);
  });

  it("stores what policies have seen in a version that is not the stored one", () => {
    const store = createStore();
    store.create(crd, widgetCrd);
    const target = store.registry.find("example.org", "v1beta1", "widgets");
    if (target === undefined) throw new Error("widgets are not served");
    const reviewed: (string | undefined)[] = [];
    const review = (object: KubeObject) => void reviewed.push(object.apiVersion);
    const given = { ...widget("w"), apiVersion: "example.org/v1beta1" };
    const made = store.insert(target, given, { review });
    const changed = store.replace(target, { ...given, spec: { size: 2 } }, { review });
    expect(reviewed).toEqual(["example.org/v1beta1", "example.org/v1beta1"]);
    expect(Number(changed.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect(store.get(widgets, "default", "w")).toMatchObject({ apiVersion: "example.org/v1", spec: { size: 2 } });
  });

  it("waits with the CRD's end for objects that have finalizers", () => {
    const store = createStore();
    store.create(crd, widgetCrd);
    const kept = widget("w");
    store.create(widgets, { ...kept, metadata: { ...kept.metadata, finalizers: ["example.org/x"] } });
    store.remove(crd, "", "widgets.example.org");
    expect(store.get(crd, "", "widgets.example.org")?.metadata.deletionTimestamp).toBeDefined();
    expect(refusal(() => store.create(widgets, widget("late"))).code).toBe(405);
    store.update(widgets, kept);
    expect(store.get(crd, "", "widgets.example.org")).toBeUndefined();
  });
});
