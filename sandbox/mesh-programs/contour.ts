/**
 * The real Contour with a real Envoy, as child processes against the sandbox's API server. Contour reads HTTPProxies
 * and EndpointSlices, Envoy carries the requests to the pods. None of their code is here: both programs are found on
 * this machine.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace } from "../controllers/objects.ts";
import { contourCrds } from "../crds/contour.ts";
import { hasCrd, installCrds } from "../crds/files.ts";
import { findAll } from "../programs/find.ts";
import { programGroup } from "../programs/group.ts";
import { freePorts } from "../programs/ports.ts";
import { createGateway, GATEWAY_NAME, hasGatewayApi } from "./gateway.ts";
import type { MeshOptions, MeshPrograms } from "./programs.ts";

/** @throws Error that names the programs that are missing */
export async function startContour(options: MeshOptions): Promise<MeshPrograms> {
  const { cluster, kubeconfig, crds = [], log } = options;
  const [contour, envoy] = findAll(["contour", "envoy"], options.programs);
  if (crds.length > 0) installCrds(cluster, crds, log);
  for (const crd of contourCrds()) if (!hasCrd(cluster, crd.metadata.name)) cluster.create(RESOURCES.crd, crd);
  const gatewayApi = hasGatewayApi(cluster);
  ensureNamespace(cluster, "projectcontour");
  const [xds = 0, metrics = 0, health = 0, stats = 0, debug = 0, https = 0, free = 0] = await freePorts(7);
  const port = options.port ?? free;
  const group = programGroup("contour", options.log);
  try {
    const at = (name: string, number: number) => [`--${name}-address=127.0.0.1`, `--${name}-port=${number}`];
    const places = [
      at("xds", xds),
      at("http", metrics),
      at("health", health),
      at("stats", stats),
      at("debug-http", debug),
    ];
    const doors = [at("envoy-service-http", port), at("envoy-service-https", https)];
    const how = ["--no-incluster", `--kubeconfig=${kubeconfig}`, "--insecure", "--disable-leader-election"];
    // A pipe of Node's cannot be opened by its name, so Envoy's access log may not be /dev/stdout.
    const quiet = ["--envoy-http-access-log=/dev/null", "--envoy-https-access-log=/dev/null"];
    if (gatewayApi) how.push("--config-path", gatewayConfig(cluster, group.dir, port));
    const serving = await group.start(contour, ["serve", ...how, ...quiet, ...[...places, ...doors].flat()]);
    await group.ready(serving, `http://127.0.0.1:${health}/healthz`);
    const config = join(group.dir, "envoy.json");
    const bootstrap = ["bootstrap", ...at("xds", xds), `--admin-address=${join(group.dir, "admin.sock")}`, config];
    const made = await group.start(contour, bootstrap);
    if ((await made.exited) !== 0) throw new Error("contour bootstrap failed; its words are in the sandbox's log");
    const who = ["--service-node", "envoy-sandbox", "--service-cluster", "projectcontour"];
    const proxy = await group.start(envoy, [
      "-c",
      config,
      ...who,
      "--disable-hot-restart",
      "--concurrency",
      "1",
      "-l",
      "warn",
    ]);
    await group.ready(proxy, `http://127.0.0.1:${stats}/ready`);
  } catch (error) {
    await group.stop();
    throw error;
  }
  const metricsUrl = `http://127.0.0.1:${stats}/stats/prometheus`;
  const url = `http://127.0.0.1:${port}`;
  return { url, metricsUrl, stop: group.stop, ...(gatewayApi && { gatewayUrl: url }) };
}

/** With a Gateway, Contour leads HTTPProxies by its only listener, too. @returns path of the file */
function gatewayConfig(cluster: Cluster, dir: string, port: number): string {
  createGateway(cluster, { controllerName: "projectcontour.io/gateway-controller", port: listenerPort(port) });
  const file = join(dir, "contour.json");
  writeFileSync(file, JSON.stringify({ gateway: { gatewayRef: GATEWAY_NAME } }));
  return file;
}

/** Contour lets Envoy listen 8000 above the port of a Gateway's listener, and begins anew behind the highest port. */
const listenerPort = (port: number): number => (port > 8000 ? port - 8000 : port + 57_535);
