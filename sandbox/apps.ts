/** Programs that pods run. The kubelet finds the program by the container's image. */

export interface AppContext {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containerName: string;
  readonly image: string;
  /** command and args of the container, joined in that order. */
  readonly argv: readonly string[];
  /** The args alone, for programs whose command is given elsewhere. */
  readonly args?: readonly string[];
  /** Resolved environment: literals, ConfigMap and Secret references, field references. */
  readonly env: Readonly<Record<string, string>>;
  /** The pod's own loopback address, e.g. "127.100.0.7". The app listens there on its container's ports. */
  readonly address: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  /** Files of mounted volumes (ConfigMap, Secret, service account), absolute path -> content. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Appends a line to the container's log (`kubectl logs`). */
  readonly log: (line: string) => void;
  /** Aborted when the pod must stop; the app has the pod's grace period to finish what it is doing. */
  readonly signal: AbortSignal;
}

export interface RunningApp {
  /** Of the program, when it is a process of its own. */
  readonly pid?: number;
  /** Settles when the program ends by itself: the exit code. */
  readonly exited: Promise<number>;
  /** Stops gracefully: no new connections, requests in flight are finished, then resolves. */
  stop(): Promise<void>;
}

/** Starts a program; resolves when it is started (not when it is ready: that is what probes are for). */
export type App = (context: AppContext) => Promise<RunningApp>;

/**
 * Finds the program for an image name without tag and digest, e.g. "ghcr.io/stefanprodan/podinfo"; undefined:
 * ImagePullBackOff.
 */
export type AppTable = (image: { readonly repository: string; readonly tag: string }) => App | undefined;
