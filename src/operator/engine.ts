/** The running engine: watches wake Canaries, a queue takes their turns, one at a time each, several at once in all. */
import type { Dispatcher } from "undici";
import type { Alert, Canary, CanaryRef } from "../core/canary.ts";
import type { ParseOptions } from "../core/parse.ts";
import { createWorkQueue, type WorkQueue } from "../kube/work-queue.ts";
import type { Asking } from "../ports/asking.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { isConflict, type ObjectCache, type ObjectWriter } from "../ports/kube.ts";
import { type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { Recorder } from "../ports/recorder.ts";
import type { AdapterTables } from "./adapters.ts";
import { createAlertDesk } from "./alerts.ts";
import { createAsking } from "./asking.ts";
import { canaryKey, canaryRef, createFollower } from "./follow.ts";
import { createFreshSnapshot } from "./fresh.ts";
import { type Ports, type Requeue, reconcile } from "./reconcile.ts";
import { createCanaryStore } from "./store.ts";
import { createWorld } from "./world.ts";
import { createWriter, WriteFailure } from "./write.ts";

export interface EngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly writer: ObjectWriter;
  /** The cache of a kind, started if need be; namespace "" for all. */
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  /** The only namespace to look at; "" for all. */
  readonly namespace: string;
  readonly tables: AdapterTables;
  readonly parse: ParseOptions;
  readonly metricsServer: string;
  readonly recorder: Recorder;
  readonly sendAlert: (canary: Canary, alert: Alert) => Promise<void>;
  /** Who answers for webhooks and metric servers; absent: they are asked over HTTP. */
  readonly asking?: Asking;
  /** Turns taken at once. */
  readonly concurrency: number;
  readonly dispatcher?: Dispatcher;
  /** For webhooks with disableTLS. */
  readonly insecureDispatcher?: Dispatcher;
}

export interface Engine {
  /** Resolves when every Canary was seen once. */
  readonly ready: Promise<void>;
  /** Ends turns under way, starts no more. @param hurry aborted: stop waiting for webhooks and metric servers */
  stop(hurry?: AbortSignal): Promise<void>;
}

export function startEngine(options: EngineOptions): Engine {
  const { clock, random, recorder } = options;
  const wake = (ref: CanaryRef) => queue.add(canaryKey(ref));
  const follower = createFollower(options.track, wake);
  const snapshot = createFreshSnapshot(follower.cached);
  const ports: Ports = {
    clock,
    recorder,
    store: createCanaryStore(options.writer, snapshot, options.parse),
    world: createWorld({
      tables: options.tables,
      snapshot,
      follow: follower.follow,
      unfollow: follower.unfollow,
      write: createWriter(options.writer, snapshot),
    }),
    asking: options.asking ?? askingOverHttp(options),
    alerts: createAlertDesk(options.sendAlert, wake),
  };
  const queue: WorkQueue = createWorkQueue({
    clock,
    random,
    concurrency: options.concurrency,
    // An API server that comes back is noticed soon; one that stays away is not pestered.
    backOffMinMs: 200,
    backOffMaxMs: 10_000,
    work: async (key, signal) => appoint(queue, key, await reconcile(canaryRef(key), ports, signal), clock),
    onFailure: (key, error, retryMs) => reportFailure(key, error, retryMs, options, ports),
  });
  const canaries = options.track(RESOURCES.canary, options.namespace);
  const stopWatching = canaries.onChange(({ object }) => {
    const { namespace = "", name } = object.metadata;
    wake({ namespace, name });
  });
  return {
    ready: canaries.synced,
    async stop(hurry) {
      stopWatching();
      await queue.drain(hurry);
    },
  };
}

function askingOverHttp(options: EngineOptions): Asking {
  const { clock, log, metricsServer, parse, dispatcher, insecureDispatcher } = options;
  return createAsking({
    clock,
    log,
    metricsServer,
    meshProvider: parse.meshProvider,
    read: (ref) => readCached(ref, options),
    ...(dispatcher === undefined ? {} : { dispatcher }),
    ...(insecureDispatcher === undefined ? {} : { insecureDispatcher }),
  });
}

function appoint(queue: WorkQueue, key: string, requeue: Requeue, clock: Clock): void {
  if (requeue.kind === "forget") queue.forget(key);
  if (requeue.kind === "at") queue.addAfter(key, Math.max(0, requeue.time - clock.now()));
}

async function readCached(ref: ObjectRef, { track }: EngineOptions): Promise<KubeObject | undefined> {
  const cache = track(ref.type, ref.namespace);
  await cache.synced;
  return cache.get(ref.namespace, ref.name);
}

/** A conflict only means that there is news; anything else users should hear of, on the Canary it happened to. */
function reportFailure(key: string, error: unknown, retryMs: number, { log }: EngineOptions, ports: Ports): void {
  const cause = error instanceof WriteFailure ? error.refusal : error;
  const canary = canaryRef(key);
  const fields = { canary: `${canary.name}.${canary.namespace}`, retryMs };
  if (isConflict(cause)) {
    log.debug(fields, "somebody else wrote meanwhile, looking again");
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  log.error({ ...fields, err: error }, `turn failed: ${message}`);
  const loaded = ports.store.load(canary);
  if (loaded === undefined || !(error instanceof WriteFailure)) return;
  const about = loaded.kind === "canary" ? loaded.canary : loaded;
  const phase = loaded.kind === "canary" ? loaded.canary.status.phase : "";
  ports.recorder.say(about, { type: "Warning", message, phase });
}
