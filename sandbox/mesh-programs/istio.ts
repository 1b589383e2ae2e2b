/**
 * The real istiod with a real Envoy as its ingress gateway, as child processes against the sandbox's API server. Istiod reads
 * Gateways, VirtualServices, DestinationRules and EndpointSlices; Envoy carries the requests to the pods. None of their code is
 * here: both programs are found on this machine. Envoy is the plain one, so what only Istio's own build of Envoy can do is
 * switched off: the exchange of metadata, the ALPN filter, and Istio's own metrics.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { INGRESS_WORKLOAD } from "../mesh/workload.ts";
import { findAll, freePorts, type MeshOptions, type MeshPrograms, programGroup } from "./programs.ts";

export interface IstioOptions extends MeshOptions {
  /** A YAML file with Istio's own CRDs, which replace the sandbox's three; the sandbox's stay when absent. */
  readonly crds?: string;
}

/** The pods of the sandbox have no sidecars that could speak TLS. */
const MESH_CONFIG = { enableAutoMtls: false };

const ENVIRONMENT = {
  POD_NAMESPACE: INGRESS_WORKLOAD.namespace,
  POD_NAME: "istiod-sandbox",
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  INJECT_ENABLED: "false",
};

/** @throws Error that names the programs that are missing, or what is wrong with the file of CRDs */
export async function startIstio(options: IstioOptions): Promise<MeshPrograms> {
  const { cluster, kubeconfig } = options;
  const [istiod, envoy] = findAll(["pilot-discovery", "envoy"], options.programs);
  for (const crd of options.crds === undefined ? [] : readCrds(options.crds)) put(cluster, crd);
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
  } catch (error) {
    await group.stop();
    throw error;
  }
  const metricsUrl = `http://127.0.0.1:${admin}/stats/prometheus`;
  return { url: `http://127.0.0.1:${port}`, metricsUrl, stop: group.stop };
}

/** @throws Error when the file cannot be read, or holds something else than CRDs */
export function readCrds(file: string): readonly KubeObject[] {
  const objects = parseAllDocuments(readFileSync(file, "utf8")).flatMap((document): readonly KubeObject[] => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
    const value: KubeObject | null = document.toJS();
    return value === null ? [] : [value];
  });
  const other = objects.find(({ kind }) => kind !== "CustomResourceDefinition");
  if (other !== undefined)
    throw new Error(`${file}: expected CustomResourceDefinitions only, found kind ${other.kind}`);
  return objects;
}

function put(cluster: Cluster, crd: KubeObject): void {
  if (cluster.get(RESOURCES.crd, "", crd.metadata.name) === undefined) cluster.create(RESOURCES.crd, crd);
  else cluster.update(RESOURCES.crd, crd);
}

/** Istiod reads in this Service where Envoy must listen for port 80 of a Gateway. */
function createGatewayService(cluster: Cluster, port: number): void {
  const { namespace, labels } = INGRESS_WORKLOAD;
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name: "istio-ingressgateway-envoy" },
    spec: { selector: { ...labels }, ports: [{ name: "http2", port: 80, targetPort: port }] },
  });
}

/** Envoy has everything but the way to istiod from istiod. */
function bootstrap(grpc: number, admin: number): Readonly<Record<string, unknown>> {
  const { namespace, name, labels } = INGRESS_WORKLOAD;
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
