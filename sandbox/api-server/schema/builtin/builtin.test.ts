import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { validateBuiltin } from "./index.ts";

type Spec = Record<string, unknown>;

const container = { name: "app", image: "app:1" };
const template = { metadata: { labels: { app: "a" } }, spec: { containers: [container] } };
const workload = (spec: Spec = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "app", namespace: "test" },
  spec: { selector: { matchLabels: { app: "a" } }, template, ...spec },
});
const withContainer = (rest: Spec, pod: Spec = {}) =>
  workload({ template: { ...template, spec: { containers: [{ ...container, ...rest }], ...pod } } });
const service = (spec: Spec): KubeObject => ({ apiVersion: "v1", kind: "Service", metadata: { name: "svc" }, spec });
const thing = (kind: string, fields: Spec, metadata: Spec = {}): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "x", ...metadata },
  ...fields,
});

function complaints(group: string, object: KubeObject, old?: KubeObject): string[] {
  return validateBuiltin(group, object.kind, object, old).map(({ path, message }) => `${path}: ${message}`);
}

const C = "spec.template.spec.containers[0]";

describe("Deployments", () => {
  it.each<[string, KubeObject, string[]]>([
    ["good ones", workload(), []],
    [
      "other labels",
      workload({ selector: { matchLabels: { app: "b" } } }),
      ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'],
    ],
    [
      "empty selectors",
      workload({ selector: {} }),
      ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ],
    [
      "negative counts",
      workload({ replicas: -1 }),
      ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    ],
    [
      "no containers",
      workload({ template: { ...template, spec: { containers: [] } } }),
      ["spec.template.spec.containers: Required value"],
    ],
    ["no image", withContainer({ image: undefined }), [`${C}.image: Required value`]],
    [
      "wild ports",
      withContainer({ ports: [{ containerPort: 70000 }, { containerPort: 0 }] }),
      [
        `${C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
        `${C}.ports[1].containerPort: Required value`,
      ],
    ],
    [
      "long port names",
      withContainer({ ports: [{ containerPort: 1, name: "a-very-long-port-name" }] }),
      [`${C}.ports[0].name: Invalid value: "a-very-long-port-name": must be no more than 15 characters`],
    ],
    [
      "unknown protocols",
      withContainer({ ports: [{ containerPort: 1, protocol: "HTTP" }] }),
      [`${C}.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"`],
    ],
    [
      "unknown volumes",
      withContainer({ volumeMounts: [{ name: "v", mountPath: "/v" }] }),
      [`${C}.volumeMounts[0].name: Not found: "v"`],
    ],
    [
      "two sources of a volume",
      withContainer({}, { volumes: [{ name: "v", emptyDir: {}, configMap: {} }] }),
      ["spec.template.spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type"],
    ],
    [
      "requests over limits",
      withContainer({ resources: { requests: { cpu: "1" }, limits: { cpu: "500m" } } }),
      [`${C}.resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m`],
    ],
    [
      "probes that ask nothing",
      withContainer({ livenessProbe: { periodSeconds: 1 } }),
      [`${C}.livenessProbe: Required value: must specify a handler type`],
    ],
    [
      "jobs in disguise",
      withContainer({}, { restartPolicy: "Never" }),
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
    [
      "a standstill",
      workload({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ],
    [
      "leftovers of a strategy",
      workload({ strategy: { type: "Recreate", rollingUpdate: {} } }),
      ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ],
  ])("refuse %s", (_, object, expected) => {
    expect(complaints("apps", object)).toEqual(expected);
  });

  it("keep their selector", () => {
    const next = workload({
      selector: { matchLabels: { app: "b" } },
      template: { ...template, metadata: { labels: { app: "b" } } },
    });
    expect(complaints("apps", next, workload())).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    ]);
    expect(complaints("apps", workload({ replicas: 3 }), workload())).toEqual([]);
  });

  it("have names that fit", () => {
    const bad = { ...workload(), metadata: { name: "App_1", labels: { "a b": "c d" } } };
    const found = complaints("apps", bad);
    expect(found[0]).toBe(
      'metadata.name: Invalid value: "App_1": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric ' +
        "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for " +
        "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    );
    expect(found.slice(1).map((line) => line.slice(0, 60))).toEqual([
      'metadata.labels: Invalid value: "a b": name part must consis',
      'metadata.labels: Invalid value: "c d": a valid label must be',
    ]);
    expect(complaints("apps", { ...workload(), metadata: { name: "" } })).toEqual([
      "metadata.name: Required value: name or generateName is required",
    ]);
  });
});

describe("Services", () => {
  it.each<[string, Spec, string[]]>([
    ["good ones", { ports: [{ port: 80, targetPort: "http" }] }, []],
    ["no ports", { ports: [] }, ["spec.ports: Required value"]],
    ["no ports, but headless", { clusterIP: "None" }, []],
    ["nameless ports", { ports: [{ port: 80 }, { port: 81, name: "x" }] }, ["spec.ports[0].name: Required value"]],
    [
      "the same port twice",
      {
        ports: [
          { port: 80, name: "a" },
          { port: 80, name: "b" },
        ],
      },
      ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}'],
    ],
    [
      "one port for two protocols",
      {
        ports: [
          { port: 53, name: "a" },
          { port: 53, name: "b", protocol: "UDP" },
        ],
      },
      [],
    ],
    [
      "port zero",
      { ports: [{ port: 0 }] },
      ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ],
    [
      "unknown types",
      { type: "X", ports: [{ port: 1 }] },
      ['spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    ],
    ["nameless externals", { type: "ExternalName" }, ["spec.externalName: Required value"]],
  ])("judge %s", (_, spec, expected) => {
    expect(complaints("", service(spec))).toEqual(expected);
  });

  it("keep their address", () => {
    const ports = [{ port: 80 }];
    const old = service({ ports, clusterIP: "127.200.0.1" });
    expect(complaints("", service({ ports, clusterIP: "127.200.0.2" }), old)).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["127.200.0.2"]: may not change once set',
    ]);
    expect(complaints("", service({ ports, clusterIP: "127.200.0.1" }), old)).toEqual([]);
  });

  it("have DNS-1035 names", () => {
    const object = { ...service({ ports: [{ port: 1 }] }), metadata: { name: "1a" } };
    expect(complaints("", object)[0]).toMatch(/a DNS-1035 label must consist of/);
  });
});

describe("other kinds", () => {
  it.each<[string, KubeObject, KubeObject | undefined, string[]]>([
    [
      "",
      thing("ConfigMap", { data: { "a b": "" } }),
      undefined,
      [
        "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or " +
          "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ],
    ],
    [
      "",
      thing("ConfigMap", { immutable: true, data: { a: "2" } }),
      thing("ConfigMap", { immutable: true, data: { a: "1" } }),
      ["data: Forbidden: field is immutable when `immutable` is set"],
    ],
    [
      "",
      thing("Secret", { type: "kubernetes.io/tls", data: { "tls.crt": "" } }),
      undefined,
      ["data[tls.key]: Required value"],
    ],
    [
      "",
      thing("Secret", { type: "b" }),
      thing("Secret", { type: "a" }),
      ['type: Invalid value: "b": field is immutable'],
    ],
    [
      "",
      thing("Namespace", {}, { name: "a.b" }),
      undefined,
      [
        'metadata.name: Invalid value: "a.b": a lowercase RFC 1123 label must consist of lower case alphanumeric ' +
          "characters or '-', and must start and end with an alphanumeric character (e.g. " +
          "'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      "autoscaling",
      thing("HorizontalPodAutoscaler", { spec: { minReplicas: 3, maxReplicas: 2 } }),
      undefined,
      ["spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"],
    ],
    [
      "networking.k8s.io",
      thing("Ingress", { spec: {} }),
      undefined,
      ["spec: Invalid value: {}: either `defaultBackend` or `rules` must be specified"],
    ],
    ["rbac.authorization.k8s.io", thing("ClusterRole", {}, { name: "system:x" }), undefined, []],
    [
      "coordination.k8s.io",
      thing("Lease", { spec: { leaseDurationSeconds: 0 } }),
      undefined,
      ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
    ],
    [
      "",
      thing("Event", { involvedObject: { namespace: "b" } }, { namespace: "a" }),
      undefined,
      ['involvedObject.namespace: Invalid value: "b": does not match event.namespace'],
    ],
    [
      "batch",
      thing("Job", { spec: { template } }),
      undefined,
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    ["flagger.app", thing("Canary", { spec: { anything: 1 } }), undefined, []],
  ])("%s: %j", (group, object, old, expected) => {
    expect(complaints(group, object, old)).toEqual(expected);
  });

  it("let a pod change its image and nothing much else", () => {
    const pod = (image: string, hostname?: string) =>
      thing("Pod", { spec: { containers: [{ name: "a", image }], ...(hostname && { hostname }) } });
    expect(complaints("", pod("2"), pod("1"))).toEqual([]);
    expect(complaints("", pod("2", "h"), pod("1"))[0]).toMatch(
      /^spec: Forbidden: pod updates may not change fields other than/,
    );
  });
});
