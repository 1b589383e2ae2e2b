/** The targets of the stories: podinfo as a Deployment, DaemonSet or behind Services, and its Canary. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";

export interface Revision {
  /** The image's tag. */
  readonly version: string;
  /** "podinfo", or "podinfo-erratic" (fixture.ts), whose every second request fails with `--random-error`. */
  readonly image?: string;
  /** Further flags of podinfo. */
  readonly flags?: readonly string[];
  readonly replicas?: number;
  /** Further fields of the container. */
  readonly container?: KubeFields;
  /** Further fields of the pod's spec. */
  readonly pod?: KubeFields;
  /** Further fields of the workload's spec. */
  readonly workload?: KubeFields;
}

export const GOOD: Revision = { version: "6.0.1" };
export const BAD: Revision = { version: "6.0.1", image: "podinfo-erratic", flags: ["--random-error"] };

export const PORT = 9898;

/** Ready at once, and not unready when the machine is busy for a while. */
const PATIENT = { periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 5 };
export const LOAD_TESTER = "http://flagger-loadtester.test";

export function namespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { "istio-injection": "enabled" } } };
}

export function podTemplate(
  app: string,
  { version, image = "podinfo", flags = [], container = {}, pod = {} }: Revision,
): KubeFields {
  return {
    metadata: { labels: { app }, annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": `${PORT}` } },
    spec: {
      containers: [
        {
          name: "podinfod",
          image: `ghcr.io/stefanprodan/${image}:${version}`,
          command: ["./podinfo", `--port=${PORT}`, "--level=error", ...flags],
          ports: [{ name: "http", containerPort: PORT }],
          readinessProbe: { httpGet: { path: "/readyz", port: "http" }, ...PATIENT },
          ...container,
        },
      ],
      ...pod,
    },
  };
}

export function deployment(namespace: string, revision: Revision, name = "podinfo"): KubeObject {
  const { replicas, workload = {} } = revision;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      progressDeadlineSeconds: 60,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } },
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, revision),
      ...workload,
    },
  };
}

export function daemonSet(namespace: string, revision: Revision, name = "podinfo"): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name, namespace },
    spec: {
      // A node holds one pod of a DaemonSet: without surge every update would be an outage.
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, revision),
    },
  };
}

/** Pods with names of their own, and a headless Service by which they find each other; no volumes (ADR 0003). */
export function statefulSet(namespace: string, revision: Revision, name = "podinfo"): KubeObject {
  const { replicas = 1, workload = {} } = revision;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      replicas,
      serviceName: `${name}-hosts`,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, revision),
      ...workload,
    },
  };
}

export function hosts(namespace: string, name = "podinfo"): KubeObject {
  const ports = [{ name: "http", port: PORT, targetPort: PORT }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `${name}-hosts`, namespace },
    spec: { clusterIP: "None", selector: { app: name }, ports },
  };
}

/** Its Revisions are podinfo-00001 and so on; Knative publishes its address, at port 80. */
export function knativeService(namespace: string, revision: Revision, name = "podinfo"): KubeObject {
  const { metadata, spec } = podTemplate(name, revision);
  const [{ ports: _ports, readinessProbe: _probe, ...container }] = spec.containers;
  const readinessProbe = { httpGet: { path: "/readyz" }, ...PATIENT };
  const serving = { ...container, ports: [{ containerPort: PORT }], readinessProbe };
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { template: { metadata: { annotations: metadata.annotations }, spec: { containers: [serving] } } },
  };
}

export interface CanaryParts {
  /** Fields of the analysis beyond interval, threshold, metrics and load. */
  readonly analysis: KubeFields;
  readonly spec?: KubeFields;
  readonly service?: KubeFields;
  readonly kind?: string;
  /** Of the target; by its kind when absent. */
  readonly apiVersion?: string;
  /** Further webhooks, called before the load tests. */
  readonly hooks?: readonly KubeFields[];
  /** Requests per second that the load tester sends to the canary; 10 when absent, 0: none. */
  readonly load?: number;
  /**
   * How long it sends them after each step; 6 when absent. A gate that is closed ends the steps, and with them the
   * load.
   */
  readonly loadSeconds?: number;
}

/**
 * Judged every two seconds by the requests of the last ten. The threshold is high, so that late metrics on a busy
 * machine do not fail a good revision; stories of bad revisions set their own.
 */
export function canary(namespace: string, parts: CanaryParts, name = "podinfo"): KubeObject {
  const { analysis, spec = {}, service = {}, kind = "Deployment", hooks = [], load = 10, loadSeconds = 6 } = parts;
  const { apiVersion = kind === "Service" ? "v1" : "apps/v1" } = parts;
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name, namespace },
    spec: {
      provider: "istio",
      targetRef: { apiVersion, kind, name },
      progressDeadlineSeconds: 60,
      service: {
        port: PORT,
        targetPort: PORT,
        portDiscovery: true,
        gateways: ["istio-system/public-gateway", "mesh"],
        hosts: [`${namespace}.example.com`],
        ...service,
      },
      analysis: {
        interval: "2s",
        threshold: 1000,
        // Only a request that took ten seconds breaks it: stories about slow revisions have limits of their own.
        metrics: checks(29_000),
        webhooks: [...hooks, ...(load === 0 ? [] : loadTests(namespace, load, loadSeconds, name))],
        ...analysis,
      },
      ...spec,
    },
  };
}

/** @param slowest 99 of 100 requests are answered within this many milliseconds */
export const checks = (slowest: number): readonly KubeFields[] => [
  { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "10s" },
  { name: "request-duration", thresholdRange: { max: slowest }, interval: "10s" },
];

/**
 * Starts before the first step and runs during the analysis. Nothing is judged before the load has been measured for
 * a while, also on a busy machine.
 */
function loadTests(namespace: string, perSecond: number, seconds: number, name: string): readonly KubeFields[] {
  const address = `http://${name}-canary.${namespace}:${PORT}/`;
  const cmd = `hey -z ${seconds}s -q ${perSecond / 2} -c 2 ${address}`;
  const url = `${LOAD_TESTER}/`;
  const warmUp = { type: "bash", cmd: `hey -z 2s -q 1 -c 1 ${address}` };
  return [
    { name: "load-start", type: "pre-rollout", url, timeout: "30s", metadata: { cmd } },
    { name: "warm-up", type: "pre-rollout", url, timeout: "60s", metadata: warmUp },
    { name: "load", type: "rollout", url, timeout: "30s", metadata: { cmd } },
  ];
}

export function gate(type: string, path: string): KubeFields {
  return { name: type, type, url: `${LOAD_TESTER}${path}`, timeout: "30s" };
}

/** The Service that users called before there was a Canary. */
export const beforeCanary = (namespace: string): KubeObject[] => [
  deployment(namespace, { version: "6.0.0", replicas: 1 }),
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "podinfo", namespace },
    spec: { selector: { app: "podinfo" }, ports: [{ name: "http", port: PORT, targetPort: PORT }] },
  },
  {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { name: "podinfo", namespace },
    spec: {
      hosts: [`${namespace}.example.com`, "podinfo"],
      gateways: ["istio-system/public-gateway", "mesh"],
      http: [{ route: [{ destination: { host: "podinfo" } }] }],
    },
  },
];
