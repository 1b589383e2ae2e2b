/** The streams of one command of `kubectl exec` or `attach`, over any protocol. */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

/** Which streams the client asked for. */
export interface Wanted {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The client's ends of a command's streams. */
export interface CommandStreams {
  readonly stdin: NodeJS.ReadableStream | undefined;
  readonly stdout: NodeJS.WritableStream | undefined;
  readonly stderr: NodeJS.WritableStream | undefined;
  /** Calls the listener with every new size of the client's terminal. */
  onResize(listener: (columns: number, rows: number) => void): void;
  /** Says how the command ended (a metav1.Status), and closes. */
  finish(status: KubeFields): void;
  /** Resolves when the client has left. */
  readonly gone: Promise<void>;
}
