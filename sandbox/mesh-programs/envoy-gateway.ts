/**
 * The real Envoy Gateway as a child process against the sandbox's API server. It makes a Deployment of Envoy for the
 * Gateway; the kubelet runs the pod's container as the real Envoy of this machine. None of their code is here: both
 * programs are found. Envoy Gateway reads its certificates from /certs and listens at fixed ports, so it has a file
 * system and a network of its own.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KubeFields, type KubeObject, namespaced, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace } from "../controllers/objects.ts";
import { hasCrd, installCrds } from "../crds/files.ts";
import { findAll } from "../programs/find.ts";
import { programGroup } from "../programs/group.ts";
import { freePorts, isFree } from "../programs/ports.ts";
import { enclose } from "./enclosure.ts";
import { envoyPod } from "./envoy-pod.ts";
import { CLASS_NAME, createGateway, hasGatewayApi } from "./gateway.ts";
import type { MeshOptions, MeshPrograms } from "./programs.ts";

const NAMESPACE = "envoy-gateway-system";
const GROUP = "gateway.envoyproxy.io";
const CONTROLLER = `${GROUP}/gatewayclass-controller`;
const ENVOY_PROXY = namespaced(GROUP, "v1alpha1", "EnvoyProxy", "envoyproxies");

/** Ports of Envoy Gateway that no configuration changes. */
const [XDS, HEALTH] = [18_000, 8081];
/** For a privileged port of a Gateway, Envoy listens that much higher. */
const SHIFT = 10_000;

/** @throws Error that names the programs or CRDs that are missing */
export async function startEnvoyGateway(options: MeshOptions): Promise<MeshPrograms> {
  const { cluster, kubeconfig, crds = [], log, provide } = options;
  const [gateway, envoy] = findAll(["envoy-gateway", "envoy", "unshare"], options.programs);
  if (crds.length > 0) installCrds(cluster, crds, log);
  if (!hasGatewayApi(cluster) || !hasCrd(cluster, `envoyproxies.${GROUP}`)) {
    throw new Error("Envoy Gateway needs the CRDs of the Gateway API and its own: name their folder with --mesh-crds");
  }
  const [xds = 0, health = 0, stats = 0] = await freePorts(3);
  const listener = await freeListener();
  const group = programGroup("envoy-gateway", log);
  const stopProviding = provide(({ repository }) =>
    repository.endsWith("/envoy") ? envoyPod({ envoy, xdsPort: xds, statsPort: stats }) : undefined,
  );
  const stop = async () => {
    stopProviding();
    await group.stop();
  };
  try {
    const env = { KUBECONFIG: kubeconfig, ENVOY_GATEWAY_NAMESPACE: NAMESPACE };
    ensureNamespace(cluster, NAMESPACE);
    const made = await group.start(gateway, ["certgen", "--disable-topology-injector"], env);
    if ((await made.exited) !== 0) throw new Error("envoy-gateway certgen failed; its words are in the sandbox's log");
    const config = join(group.dir, "envoy-gateway.json");
    writeFileSync(config, JSON.stringify(CONFIGURATION));
    const ports = {
      in: new Map([
        [XDS, xds],
        [HEALTH, health],
      ]),
      out: [options.apiPort],
    };
    const what = { files: certificates(cluster), ports };
    const { line, bridge } = enclose(group.dir, what, { command: gateway, args: ["server", "-c", config] });
    if (bridge !== undefined) await group.start(bridge.command, bridge.args);
    const server = await group.start(line.command, line.args, env);
    await group.ready(server, `http://127.0.0.1:${health}/readyz`);
    cluster.create(ENVOY_PROXY, envoyProxy());
    const parametersRef = { group: GROUP, kind: "EnvoyProxy", namespace: NAMESPACE, name: CLASS_NAME };
    createGateway(cluster, { controllerName: CONTROLLER, port: listener, parametersRef });
    await group.ready(server, `http://127.0.0.1:${stats}/stats/prometheus`);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `http://127.0.0.1:${listener + SHIFT}`;
  return { url, gatewayUrl: url, metricsUrl: `http://127.0.0.1:${stats}/stats/prometheus`, stop };
}

/** A port of the Gateway whose port of Envoy is free. */
async function freeListener(): Promise<number> {
  for (let port = 80; port < 1024; port++) if (await isFree(port + SHIFT)) return port;
  throw new Error(`no port from ${SHIFT + 80} to ${SHIFT + 1023} is free for Envoy`);
}

const CONFIGURATION: KubeFields = {
  apiVersion: `${GROUP}/v1alpha1`,
  kind: "EnvoyGateway",
  gateway: { controllerName: CONTROLLER },
  logging: { level: { default: "warn" } },
  provider: {
    type: "Kubernetes",
    kubernetes: { leaderElection: { disable: true }, topologyInjector: { disabled: true } },
  },
};

/** One Envoy for all Gateways of the class, because pods share the ports of this machine; nothing manages its end. */
function envoyProxy(): KubeObject {
  const containers = [
    { name: "envoy", lifecycle: null },
    { name: "shutdown-manager", $patch: "delete" },
  ];
  const patch = { type: "StrategicMerge", value: { spec: { template: { spec: { containers } } } } };
  return {
    apiVersion: `${GROUP}/v1alpha1`,
    kind: "EnvoyProxy",
    metadata: { namespace: NAMESPACE, name: CLASS_NAME },
    spec: {
      mergeGateways: true,
      // A pipe of Node's cannot be opened by its name, so Envoy's access log may not be /dev/stdout.
      telemetry: { accessLog: { disable: true } },
      provider: {
        type: "Kubernetes",
        kubernetes: { envoyService: { type: "ClusterIP" }, envoyDeployment: { replicas: 1, patch } },
      },
    },
  };
}

/** Those that certgen left in the cluster, as a kubelet would mount them. */
function certificates(cluster: Cluster): ReadonlyMap<string, Uint8Array> {
  const data: Readonly<Record<string, string>> =
    cluster.get(RESOURCES.secret, NAMESPACE, "envoy-gateway")?.["data"] ?? {};
  return new Map(Object.entries(data).map(([name, text]) => [`/certs/${name}`, Buffer.from(text, "base64")]));
}
