/**
 * What the operator says, as Kubernetes Events (`kubectl describe canary`). Recording never waits: events queue, and one
 * writer sends them in order, however long the API server is away; when too many wait, the oldest are given up.
 */
import type { Clock, Random } from "../../ports/clock.ts";
import { isAlreadyExists, isNotFound, KubeError, type KubeWriter } from "../../ports/kube.ts";
import { type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import { createCorrelator, eventObject, eventPatch, type KubeEvent } from "./correlate.ts";

export interface KubeEvents {
  /** Returns at once; never throws. */
  record(event: KubeEvent): void;
  /** Resolves when all that was recorded is written; when `signal` is aborted first, the rest is given up. */
  flush(signal: AbortSignal): Promise<void>;
}

export interface KubeEventsOptions {
  readonly writer: Pick<KubeWriter, "create" | "mergePatch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** source.component; "flagger" when absent: dashboards and alerts look for it. */
  readonly component?: string;
  /** "Synced" when absent, for all events, as in the original. */
  readonly reason?: string;
  /** How many may wait; 1000 when absent. */
  readonly capacity?: number;
}

const CAPACITY = 1000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 60_000;

export function createKubeEvents(options: KubeEventsOptions): KubeEvents {
  const { clock, log, writer } = options;
  const component = options.component ?? "flagger";
  const reason = options.reason ?? "Synced";
  const correlator = createCorrelator();
  const life = new AbortController();
  let queue: { readonly event: KubeEvent; readonly atMs: number }[] = [];
  let writing: Promise<void> | undefined;

  async function write(event: KubeEvent, atMs: number): Promise<void> {
    const { key, sighting, known } = correlator.correlate(event, atMs);
    const object = eventObject(event, sighting, component, reason);
    const { name, namespace } = object.metadata;
    const ref: ObjectRef = { type: RESOURCES.event, namespace, name };
    await persist(event, async () => {
      if (known && (await patched(ref, eventPatch(sighting)))) return;
      await writer.create(RESOURCES.event, object, life.signal).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error; // an earlier attempt got through, only its answer did not
      });
    }).catch((error: unknown) => {
      if (!known) correlator.forget(key);
      throw error;
    });
  }

  /** @returns false when the Event has expired */
  async function patched(ref: ObjectRef, patch: object): Promise<boolean> {
    try {
      await writer.mergePatch(ref, patch, {}, life.signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Tries until it is done, or refused for a reason that will not go away. */
  async function persist({ object, message }: KubeEvent, attempt: () => Promise<void>): Promise<void> {
    for (let delayMs = RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
      try {
        return await attempt();
      } catch (error) {
        life.signal.throwIfAborted();
        const text = error instanceof Error ? error.message : String(error);
        const about = { object: `${object.namespace}/${object.name}`, event: message, error: text };
        if (!isPassing(error)) {
          log.warn(about, "the API server refused an event");
          throw error;
        }
        log.debug(about, "cannot write an event, trying again");
        await clock.sleep(delayMs * (0.5 + options.random() / 2), life.signal);
      }
    }
  }

  async function drain(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await write(next.event, next.atMs).catch(() => undefined); // said already, or given up by `flush`
      if (life.signal.aborted) break;
    }
    writing = undefined;
  }

  return {
    record(event) {
      if (life.signal.aborted) return;
      queue.push({ event, atMs: clock.now() });
      if (queue.length > (options.capacity ?? CAPACITY)) {
        const dropped = queue.shift();
        log.warn({ event: dropped?.event.message }, "too many events wait for the API server, dropped the oldest");
      }
      writing ??= drain();
    },
    async flush(signal) {
      const abort = () => {
        life.abort(signal.reason);
        if (queue.length > 0) log.warn({ events: queue.length }, "events were not written before the end");
        queue = [];
      };
      if (signal.aborted) abort();
      signal.addEventListener("abort", abort, { once: true });
      while (writing !== undefined) await writing;
      signal.removeEventListener("abort", abort);
    },
  };
}

/** Worth trying again: no answer, overload, trouble inside. Not: no right, no such namespace, not valid. */
function isPassing(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 0 || error.code === 429 || error.code >= 500);
}
