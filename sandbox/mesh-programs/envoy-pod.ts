/**
 * Envoy in a pod, by the real Envoy of this machine. The pods of the sandbox share the ports of the machine, so what
 * Envoy listens for besides its users' requests goes to the pod's own address, and the control plane is found without
 * its name.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { App } from "../apps.ts";
import { startChild } from "../programs/child.ts";
import { enclose } from "./enclosure.ts";

export interface EnvoyPodOptions {
  /** Path of the program. */
  readonly envoy: string;
  /** Where the control plane serves xDS on 127.0.0.1. */
  readonly xdsPort: number;
  /** Where Envoy serves its metrics on 127.0.0.1. */
  readonly statsPort: number;
}

const FOLDERS = ["/certs/", "/sds/"];

export function envoyPod(options: EnvoyPodOptions): App {
  return async ({ argv, files, address, log, env }) => {
    const dir = mkdtempSync(join(tmpdir(), "aviary-envoy-"));
    const [, ...args] = argv;
    const seen = [...files].filter(([path]) => FOLDERS.some((folder) => path.startsWith(folder)));
    const adapted = args.map((arg, i) =>
      args[i - 1] === "--config-yaml" ? adaptBootstrap(arg, address, options) : arg,
    );
    const more = ["--disable-hot-restart", "--concurrency", "1"];
    const { line } = enclose(dir, { files: new Map(seen) }, { command: options.envoy, args: [...adapted, ...more] });
    const ended = () => rmSync(dir, { recursive: true, force: true });
    return await startChild({ ...line, env: { ...env, PATH: process.env["PATH"] }, log, ended });
  };
}

interface SocketAddress {
  address: string;
  port_value: number;
}

interface Bootstrap {
  readonly admin: { readonly address: { readonly socket_address: SocketAddress } };
  readonly static_resources: {
    readonly listeners?: readonly { readonly address: { readonly socket_address: SocketAddress } }[];
    readonly clusters: readonly {
      readonly name: string;
      readonly load_assignment?: { readonly endpoints: readonly { readonly lb_endpoints: readonly Endpoint[] }[] };
    }[];
  };
}

interface Endpoint {
  readonly endpoint: { readonly address: { readonly socket_address: SocketAddress } };
}

/** @param text the bootstrap that the control plane wrote, YAML @throws Error when it is none of Envoy Gateway's */
export function adaptBootstrap(text: string, podAddress: string, options: EnvoyPodOptions): string {
  const bootstrap: Bootstrap = parse(text);
  const admin = bootstrap.admin.address.socket_address;
  admin.address = podAddress;
  for (const listener of bootstrap.static_resources.listeners ?? []) {
    Object.assign(listener.address.socket_address, { address: "127.0.0.1", port_value: options.statsPort });
  }
  for (const { name, load_assignment } of bootstrap.static_resources.clusters) {
    const endpoints = load_assignment?.endpoints.flatMap(({ lb_endpoints }) => lb_endpoints) ?? [];
    for (const { endpoint } of endpoints) {
      const { socket_address } = endpoint.address;
      if (name === "xds_cluster") Object.assign(socket_address, { address: "127.0.0.1", port_value: options.xdsPort });
      if (name === "prometheus_stats") Object.assign(socket_address, admin);
    }
  }
  return JSON.stringify(bootstrap);
}
