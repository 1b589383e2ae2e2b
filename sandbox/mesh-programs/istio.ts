/**
 * The real istiod with a real Envoy as its ingress gateway, as child processes against the sandbox's API server. Istiod
 * reads Gateways, VirtualServices, DestinationRules and EndpointSlices; Envoy carries the requests to the pods. None of
 * their code is here: both programs are found on this machine. Envoy is the plain one, so what only Istio's own build
 * of Envoy can do is switched off: the exchange of metadata and the ALPN filter. Istio's own metrics are made of
 * Envoy's.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace } from "../controllers/objects.ts";
import { installCrds } from "../crds/files.ts";
import { INGRESS_WORKLOAD } from "../mesh/workload.ts";
import { findAll } from "../programs/find.ts";
import { programGroup } from "../programs/group.ts";
import { freePorts } from "../programs/ports.ts";
import { createGateway, GATEWAY_NAME, hasGatewayApi } from "./gateway.ts";
import { serveIstioMetrics } from "./istio-metrics.ts";
import type { MeshOptions, MeshPrograms } from "./programs.ts";

/** The pods of the sandbox have no sidecars that could speak TLS. */
const MESH_CONFIG = { enableAutoMtls: false };

/** Of Gateways, Istio's and the Gateway API's. */
const USERS_PORT = 80;
const SERVICE = "istio-ingressgateway-envoy";
const CONTROLLER = "istio.io/gateway-controller";
/** With an address, istiod starts no proxy for a Gateway. It takes a Service of the Gateway's own namespace only. */
const ADDRESS = { type: "Hostname", value: `${SERVICE}.${GATEWAY_NAME.namespace}.svc.cluster.local` };

const ENVIRONMENT = {
  POD_NAMESPACE: INGRESS_WORKLOAD.namespace,
  POD_NAME: "istiod-sandbox",
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  INJECT_ENABLED: "false",
};

/** @throws Error that names the programs that are missing, or what is wrong with the file of CRDs */
export async function startIstio(options: MeshOptions): Promise<MeshPrograms> {
  const { cluster, kubeconfig, crds = [], log } = options;
  const [istiod, envoy] = findAll(["pilot-discovery", "envoy"], options.programs);
  if (crds.length > 0) installCrds(cluster, crds, log);
  const gatewayApi = hasGatewayApi(cluster);
  const [grpc = 0, http = 0, https = 0, secure = 0, metrics = 0, admin = 0, free = 0] = await freePorts(7);
  const port = options.port ?? free;
  const group = programGroup("istio", options.log);
  try {
    const mesh = join(group.dir, "mesh.json");
    writeFileSync(mesh, JSON.stringify(MESH_CONFIG));
    const doors = [
      `--grpcAddr=127.0.0.1:${grpc}`,
      `--httpAddr=127.0.0.1:${http}`,
      `--httpsAddr=127.0.0.1:${https}`,
      `--secureGRPCAddr=127.0.0.1:${secure}`,
      `--monitoringAddr=127.0.0.1:${metrics}`,
      "--ctrlz_port=0",
    ];
    const how = [`--kubeconfig=${kubeconfig}`, `--meshConfig=${mesh}`, "--shutdownDuration=1s"];
    const levels = "--log_output_level=all:warn";
    const pilot = await group.start(istiod, ["discovery", ...how, ...doors, levels], ENVIRONMENT);
    await group.ready(pilot, `http://127.0.0.1:${http}/ready`);
    const config = join(group.dir, "envoy.json");
    writeFileSync(config, JSON.stringify(bootstrap(grpc, admin)));
    const gateway = await group.start(envoy, [
      "-c",
      config,
      "--disable-hot-restart",
      "--concurrency",
      "1",
      "-l",
      "warn",
    ]);
    await group.ready(gateway, `http://127.0.0.1:${admin}/ready`);
    // After Envoy has met istiod: only the news of a Service lets istiod look again for those of a gateway.
    createGatewayService(cluster, port);
    if (gatewayApi) createGateway(cluster, { controllerName: CONTROLLER, port: USERS_PORT, addresses: [ADDRESS] });
    const served = await serveIstioMetrics(`http://127.0.0.1:${admin}/stats/prometheus`, cluster);
    const url = `http://127.0.0.1:${port}`;
    const stop = async () => {
      await served.stop();
      await group.stop();
    };
    return { url, metricsUrl: served.url, stop, ...(gatewayApi && { gatewayUrl: url }) };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** Envoy's names of clusters end at the first dot. Istio's clusters are named after hosts. */
const STATS_TAGS = [
  { tag_name: "envoy.cluster_name", regex: "^cluster\\.((.+?(?:\\.[^.]+\\.svc\\.cluster\\.local)?);?\\.)" },
  { tag_name: "envoy.response_code" },
];

/** Istiod reads in this Service where Envoy must listen for port 80 of a Gateway. */
function createGatewayService(cluster: Cluster, port: number): void {
  const { labels } = INGRESS_WORKLOAD;
  const { namespace } = GATEWAY_NAME;
  ensureNamespace(cluster, namespace);
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name: SERVICE },
    spec: { selector: { ...labels }, ports: [{ name: "http2", port: USERS_PORT, targetPort: port }] },
  });
}

/** Envoy has everything but the way to istiod from istiod. */
function bootstrap(grpc: number, admin: number): Readonly<Record<string, unknown>> {
  const { name, labels } = INGRESS_WORKLOAD;
  const { namespace } = GATEWAY_NAME;
  const at = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const ads = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  const http2 = {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  };
  return {
    node: {
      id: `router~127.0.0.1~${name}-sandbox.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${name}.${namespace}`,
      metadata: {
        CLUSTER_ID: "Kubernetes",
        ISTIO_VERSION: "1.30.0",
        NAMESPACE: namespace,
        NAME: `${name}-sandbox`,
        WORKLOAD_NAME: name,
        LABELS: labels,
      },
    },
    admin: { address: at(admin) },
    stats_config: { use_all_default_tags: false, stats_tags: STATS_TAGS },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: "xds-grpc",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
          load_assignment: {
            cluster_name: "xds-grpc",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at(grpc) } }] }],
          },
        },
      ],
    },
  };
}
