/** What a real mesh is given, and what it gives. */
import type { AppTable } from "../apps.ts";
import type { Cluster } from "../cluster.ts";

export interface MeshOptions {
  readonly cluster: Cluster;
  /** Path of a kubeconfig of the sandbox. */
  readonly kubeconfig: string;
  /** Of the sandbox's API server on 127.0.0.1. */
  readonly apiPort: number;
  /** A folder that holds the programs; $PATH is searched, too. */
  readonly programs?: string;
  /** Of Envoy on 127.0.0.1; any free port when absent. */
  readonly port?: number;
  /**
   * Files and folders with CRDs of the mesh and of the Gateway API, which replace the sandbox's own of the same name.
   */
  readonly crds?: readonly string[];
  /** Gives pods further programs. @returns takes them away */
  readonly provide: (apps: AppTable) => () => void;
  readonly log: (line: string) => void;
}

export interface MeshPrograms {
  /** Where the proxy listens for users. */
  readonly url: string;
  /** Where it listens for the listener of the Gateway `ingress/gateway`; absent without the Gateway API. */
  readonly gatewayUrl?: string;
  /** The proxy's metrics in Prometheus' format. */
  readonly metricsUrl: string;
  /** The proxy may take so long to forget a pod; until then the pod must serve. Absent: an instant. */
  readonly lagMs?: number;
  stop(): Promise<void>;
}
