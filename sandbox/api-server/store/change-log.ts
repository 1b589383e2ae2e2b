/**
 * The latest changes of one resource, so that a watch which lost its connection for a while need not list again. What
 * is remembered, and for how long, is that of a real API server's watch cache: else a busy sandbox would hold a
 * thousand states of each Deployment and pod.
 */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import type { WatchEvent } from "../../cluster.ts";

/** One change. Objects are frozen. */
export interface Change {
  readonly type: WatchEvent["type"];
  /** The change's place in the history of the whole store. */
  readonly version: number;
  /** The new state; for DELETED the last one, with the resourceVersion of the deletion. */
  readonly object: KubeObject;
  /** The state before; absent for ADDED. Tells whether a selector matched until now. */
  readonly previous?: KubeObject;
}

/** How much is remembered. */
export interface LogBounds {
  /** So many of the latest changes stay, however old they are. */
  readonly least: number;
  /** So many stay at most, however fresh they are. */
  readonly most: number;
  /** Milliseconds for which a change is fresh. */
  readonly freshMs: number;
}

/** `most` is the sandbox's own: a real API server remembers 102,400 changes. */
export const LIKE_KUBERNETES: LogBounds = { least: 100, most: 2_000, freshMs: 75_000 };

export interface ChangeLog {
  push(change: Change): void;
  /** Changes after `version`, oldest first; undefined when they are no longer remembered. */
  since(version: number): readonly Change[] | undefined;
}

/**
 * @param from version at which the memory begins
 * @param now milliseconds since the epoch
 */
export function createChangeLog({ least, most, freshMs }: LogBounds, from: number, now: () => number): ChangeLog {
  const log: { readonly change: Change; readonly at: number }[] = [];
  let forgotten = from;
  return {
    push: (change) => {
      const time = now();
      log.push({ change, at: time });
      const fresh = log.findIndex(({ at }, i) => log.length - i <= least || time - at <= freshMs);
      const gone = log.splice(0, Math.max(fresh, log.length - most));
      forgotten = gone.at(-1)?.change.version ?? forgotten;
    },
    since: (version) => {
      if (version < forgotten) return undefined;
      const first = log.findIndex(({ change }) => change.version > version);
      return first < 0 ? [] : log.slice(first).map(({ change }) => change);
    },
  };
}

/** For collections that no watch resumes from. */
export const NO_LOG: ChangeLog = { push: () => {}, since: () => undefined };
