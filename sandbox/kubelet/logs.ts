/**
 * Container output in memory: what `kubectl logs` shows. Each start of a container begins a new log, as on a real node.
 */
import type { Clock } from "../../src/ports/clock.ts";
import type { LogLine, PodLogs } from "../cluster.ts";

/** Lines kept per container; the oldest half goes when there are twice as many. */
const KEPT_LINES = 5_000;

export interface LogWriter {
  line(text: string): void;
  /** A new instance of the container starts: earlier lines go. */
  begin(): void;
  /** This instance has ended: followers are told; the lines stay readable. */
  end(): void;
}

export interface PodLogStore extends PodLogs {
  /** A pod of the same name but another uid starts with empty logs. */
  writer(namespace: string, pod: string, uid: string, container: string): LogWriter;
  /** The pod is gone. */
  forget(namespace: string, pod: string, uid: string): void;
}

interface Follower {
  readonly line: (line: LogLine) => void;
  readonly ended: () => void;
}

interface Log {
  lines: LogLine[];
  running: boolean;
  readonly followers: Set<Follower>;
}

export function createPodLogs(clock: Clock): PodLogStore {
  const pods = new Map<string, { readonly uid: string; readonly containers: Map<string, Log> }>();
  const find = (namespace: string, pod: string, container: string | undefined): Log | undefined => {
    const containers = pods.get(`${namespace}/${pod}`)?.containers;
    if (container !== undefined) return containers?.get(container);
    return containers?.size === 1 ? [...containers.values()][0] : undefined;
  };
  return {
    read: (namespace, pod, container) => find(namespace, pod, container)?.lines.slice(),
    follow: (namespace, pod, container, listener, ended) => {
      const log = find(namespace, pod, container);
      if (log === undefined || !log.running) {
        queueMicrotask(ended);
        return () => {};
      }
      const follower = { line: listener, ended };
      log.followers.add(follower);
      return () => void log.followers.delete(follower);
    },
    writer: (namespace, pod, uid, container) => {
      const key = `${namespace}/${pod}`;
      const known = pods.get(key);
      const entry = known?.uid === uid ? known : { uid, containers: new Map<string, Log>() };
      pods.set(key, entry);
      const log = entry.containers.get(container) ?? { lines: [], running: false, followers: new Set<Follower>() };
      entry.containers.set(container, log);
      return writerOf(log, clock);
    },
    forget: (namespace, pod, uid) => {
      const key = `${namespace}/${pod}`;
      const entry = pods.get(key);
      if (entry?.uid !== uid) return;
      for (const log of entry.containers.values()) end(log);
      pods.delete(key);
    },
  };
}

function writerOf(log: Log, clock: Clock): LogWriter {
  return {
    line: (text) => {
      for (const part of text.split("\n")) {
        const line = { time: new Date(clock.now()).toISOString(), text: part };
        log.lines.push(line);
        if (log.lines.length > 2 * KEPT_LINES) log.lines = log.lines.slice(-KEPT_LINES);
        for (const follower of log.followers) follower.line(line);
      }
    },
    begin: () => {
      log.lines = [];
      log.running = true;
    },
    end: () => end(log),
  };
}

function end(log: Log): void {
  log.running = false;
  const followers = [...log.followers];
  log.followers.clear();
  for (const follower of followers) follower.ended();
}
