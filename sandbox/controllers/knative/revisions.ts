/**
 * A Revision runs as a Deployment, and is asked through a Service of its own. It has one pod (or as many as its
 * annotation `autoscaling.knative.dev/min-scale` says); none, a while after the last Route has let go of it.
 */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { KNATIVE, KNATIVE_LABELS, KNATIVE_PORT } from "../../crds/knative.ts";
import { findCondition } from "../conditions.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "../context.ts";
import { controllerRef, edit, getByKey, isTerminating, keyOf, namespaceOf } from "../objects.ts";
import { conditionOf, type State, saveStatus, TRUE } from "./conditions.ts";

/** A Revision that no Route names keeps its pods for this long, so that requests under way get an answer. */
const REST_MS = 30_000;
const USER_PORT = 8080;
const DEADLINE_SECONDS = 600;

export function startRevisions(context: ControllerContext): Stop {
  return startController(context, "revision-controller", (wiring) => {
    wiring.onSelf(KNATIVE.revision);
    wiring.onOwned(RESOURCES.deployment, KNATIVE.revision);
    return (key) => {
      const revision = getByKey(context.cluster, KNATIVE.revision, key);
      if (revision !== undefined && !isTerminating(revision)) sync(context, wiring, revision);
    };
  });
}

export function deploymentName(revision: string): string {
  return `${revision}-deployment`;
}

function sync(context: ControllerContext, { queue }: Wiring, revision: KubeObject): void {
  const { cluster } = context;
  const namespace = namespaceOf(revision);
  const restsIn = untilRest(context, revision);
  const replicas = restsIn === 0 ? 0 : leastOf(revision);
  const name = deploymentName(revision.metadata.name);
  const live = cluster.get(RESOURCES.deployment, namespace, name);
  const deployment = live ?? cluster.create(RESOURCES.deployment, deploymentOf(revision, replicas));
  // This controller only scales to zero and back: another size that a client sets in between stays.
  const asleep = deployment.spec?.replicas === 0;
  if (asleep !== (replicas === 0)) {
    edit(cluster, RESOURCES.deployment, deployment, (copy) => {
      copy.spec.replicas = replicas;
    });
  }
  if (cluster.get(RESOURCES.service, namespace, revision.metadata.name) === undefined) {
    cluster.create(RESOURCES.service, serviceOf(revision));
  }
  const available = stateOf(revision, deployment);
  saveStatus(
    context,
    KNATIVE.revision,
    revision,
    { ContainerHealthy: available, ResourcesAvailable: available },
    { actualReplicas: deployment.status?.availableReplicas ?? 0, desiredReplicas: replicas },
  );
  if (restsIn !== undefined && restsIn > 0) queue.addAfter(keyOf(revision), restsIn);
}

/** Milliseconds until it goes to rest; undefined: it is needed. */
function untilRest({ clock }: ControllerContext, { metadata }: KubeObject): number | undefined {
  if (metadata.labels?.[KNATIVE_LABELS.routingState] !== "reserve") return undefined;
  const since = Date.parse(metadata.annotations?.[KNATIVE_LABELS.routingStateModified] ?? "");
  return Number.isNaN(since) ? 0 : Math.max(0, since + REST_MS - clock.now());
}

function leastOf({ metadata }: KubeObject): number {
  return Math.max(1, Number(metadata.annotations?.["autoscaling.knative.dev/min-scale"] ?? 1) || 1);
}

/** Ready once is ready for good: a Revision at rest is woken up when a Route wants it. */
function stateOf(revision: KubeObject, { status, spec }: KubeObject): State {
  if ((status?.availableReplicas ?? 0) > 0 || conditionOf(revision, "Ready")?.status === "True") return TRUE;
  const progress = findCondition(status?.conditions ?? [], "Progressing");
  if (progress?.status === "False") {
    return { status: "False", reason: progress.reason, message: progress.message };
  }
  return spec?.replicas === 0 ? { status: "Unknown", reason: "NoTraffic" } : { status: "Unknown", reason: "Deploying" };
}

function labelsOf({ metadata }: KubeObject): Record<string, string> {
  const { [KNATIVE_LABELS.routingState]: _state, ...labels } = metadata.labels ?? {};
  const { name, uid = "" } = metadata;
  return { app: name, ...labels, [KNATIVE_LABELS.revision]: name, [KNATIVE_LABELS.revisionUid]: uid };
}

function deploymentOf(revision: KubeObject, replicas: number): KubeObject {
  const labels = labelsOf(revision);
  const { [KNATIVE_LABELS.routingStateModified]: _modified, ...annotations } = revision.metadata.annotations ?? {};
  return structuredClone({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: deploymentName(revision.metadata.name),
      namespace: namespaceOf(revision),
      labels,
      ownerReferences: [controllerRef(revision)],
    },
    spec: {
      replicas,
      progressDeadlineSeconds: DEADLINE_SECONDS,
      selector: { matchLabels: { [KNATIVE_LABELS.revisionUid]: revision.metadata.uid ?? "" } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } },
      template: { metadata: { labels, annotations }, spec: podSpecOf(revision) },
    },
  });
}

function portOf({ spec }: KubeObject): number {
  const containers: readonly KubeFields[] = spec?.containers ?? [];
  return containers.find(({ ports = [] }) => ports.length > 0)?.ports[0].containerPort ?? USER_PORT;
}

/** The pod's part of a Revision, with what Knative adds: the port and whose program it is, a probe, names. */
function podSpecOf(revision: KubeObject): KubeFields {
  const { containerConcurrency: _a, timeoutSeconds: _b, idleTimeoutSeconds: _c, ...podSpec } = revision.spec ?? {};
  const { responseStartTimeoutSeconds: _d, containers = [], ...rest } = podSpec;
  const port = portOf(revision);
  const { name, labels = {} } = revision.metadata;
  const env = [
    { name: "PORT", value: String(port) },
    { name: "K_REVISION", value: name },
    { name: "K_CONFIGURATION", value: labels[KNATIVE_LABELS.configuration] ?? "" },
    { name: "K_SERVICE", value: labels[KNATIVE_LABELS.service] ?? "" },
  ];
  return {
    ...rest,
    containers: containers.map((container: KubeFields, i: number) => {
      const serving = i === 0 || (container.ports ?? []).length > 0;
      return {
        ...container,
        name: container.name || `user-container${i === 0 ? "" : `-${i}`}`,
        env: [...(container.env ?? []), ...env],
        ...(serving ? { ports: [{ containerPort: port }], readinessProbe: probeOf(container, port) } : {}),
      };
    }),
  };
}

/** Probes of Knative do not say the port: it is the container's. */
function probeOf({ readinessProbe }: KubeFields, port: number): KubeFields {
  if (readinessProbe === undefined) return { tcpSocket: { port }, periodSeconds: 1 };
  const { httpGet, tcpSocket } = readinessProbe;
  return {
    ...readinessProbe,
    ...(httpGet === undefined ? {} : { httpGet: { ...httpGet, port: httpGet.port || port } }),
    ...(tcpSocket === undefined ? {} : { tcpSocket: { ...tcpSocket, port: tcpSocket.port || port } }),
  };
}

function serviceOf(revision: KubeObject): KubeObject {
  const { name, uid = "" } = revision.metadata;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: namespaceOf(revision),
      labels: labelsOf(revision),
      ownerReferences: [controllerRef(revision)],
    },
    spec: {
      selector: { [KNATIVE_LABELS.revisionUid]: uid },
      ports: [{ name: "http", port: KNATIVE_PORT, targetPort: portOf(revision) }],
    },
  };
}
