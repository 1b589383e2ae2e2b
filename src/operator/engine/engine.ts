/** The running engine: watches wake Canaries, a queue takes their turns, one at a time each, several at once in all. */
import type { Dispatcher } from "undici";
import { type Alert, type Canary, type CanaryRef, canaryKey } from "../../core/canary.ts";
import type { ParseOptions } from "../../core/parse.ts";
import { createWorkQueue, type WorkQueue } from "../../kube/work-queue.ts";
import type { ClusterCalls } from "../../metrics/provider.ts";
import type { Asking } from "../../ports/asking.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import type { KubeReader, ObjectCache, ObjectRemover, ObjectWriter } from "../../ports/kube.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { Snapshot } from "../../ports/snapshot.ts";
import { type AdapterTables, routerKinds } from "../adapters.ts";
import { createWorld, type WorldPorts } from "../cluster/cluster-view.ts";
import { createFights, type Fight, type Fights } from "../cluster/fights.ts";
import { createPodTroubles } from "../cluster/pod-troubles.ts";
import { createFreshSnapshot } from "../cluster/read-your-writes.ts";
import { warnOfRenaming } from "../cluster/renamed.ts";
import { createRemover, createWriter } from "../cluster/write.ts";
import { createAsking } from "../measure/probe-runner.ts";
import { createSplitWatch } from "../measure/split-watch.ts";
import { createAlertDesk } from "../notify/alerts.ts";
import type { Ports, Requeue } from "../reconcile/reconcile.ts";
import { createCanaryStore } from "../reconcile/store.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import type { ActionDesk } from "../steering/action-desk.ts";
import type { Quarantine } from "../watchdog/quarantine.ts";
import { type Complaints, createComplaints } from "./complaints.ts";
import { warnOfDeletion } from "./deleted-canary.ts";
import { canaryRef, createFollower, type Follower } from "./follow.ts";
import { createTwins } from "./target-claims.ts";
import { createTurns } from "./turns.ts";

export interface EngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly writer: ObjectWriter & ObjectRemover;
  /** Reads from the API server, not from a cache; absent: nothing can be read. */
  readonly read?: KubeReader["get"];
  /** For a metric; called once for each fight. */
  readonly onFight?: (fight: Fight) => void;
  /** The cache of a kind, started if need be; namespace "" for all. */
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  /** The only namespace to look at; "" for all. */
  readonly namespace: string;
  readonly tables: AdapterTables;
  readonly parse: ParseOptions;
  readonly metricsServer: string;
  readonly recorder: Recorder;
  /** What people ask for; absent: nothing can be asked. */
  readonly actions?: ActionDesk;
  readonly sendAlert: (canary: Canary, alert: Alert) => Promise<void>;
  /** Whether an alert of this Canary has a receiver; absent: always. */
  readonly alertsWanted?: (canary: Canary) => boolean;
  /** Who answers for webhooks and metric servers; absent: they are asked over HTTP. */
  readonly asking?: Asking;
  /** By how much the API server's clock is ahead of the operator's, milliseconds; absent: not at all. */
  readonly serverAheadMs?: () => number;
  /** Canaries to leave alone; absent: none. */
  readonly quarantine?: Quarantine;
  /** Asked for pods that do not start; absent: they are not said by name. */
  readonly listPods?: KubeReader["list"];
  /** Milliseconds that no setting of the clock changes; absent: of this process. */
  readonly steadyMs?: () => number;
  /** Turns taken at once. */
  readonly concurrency: number;
  readonly dispatcher?: Dispatcher;
  /** For webhooks with disableTLS. */
  readonly insecureDispatcher?: Dispatcher;
  /** Signs webhooks. */
  readonly webhookKey?: string;
  /** For metric providers that are in the operator's own cluster. */
  readonly cluster?: ClusterCalls;
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
  const follower = createFollower({
    clock,
    wake,
    track: options.track,
    echoed: (canary, type, object) => snapshot.echoed(canary, type, object),
    onDeleted: (type, last) => snapshot.deleted(type, last),
  });
  const snapshot = createFreshSnapshot(follower.cached, follower.listed);
  const twins = createTwins(options.log, wake);
  const sessions = createSessions();
  sessions.onForget(follower.unfollow);
  sessions.onForget((ref) => recorder.forget(ref));
  const asking = options.asking ?? askingOverHttp(options, follower);
  const fights = fightsOf(options, () => complaints);
  const kinds = routerKinds(options.tables);
  const ports: Ports = {
    clock,
    recorder,
    ...(options.actions === undefined ? {} : { actions: options.actions }),
    store: createCanaryStore(options.writer, snapshot, options.parse, options.log, sessions),
    world: createWorld({
      tables: options.tables,
      snapshot,
      clock,
      follow: follower.follow,
      isFollowing: follower.isFollowing,
      sessions,
      refusal: twins.problem,
      remove: createRemover(options.writer, snapshot, kinds),
      write: createWriter(options.writer, snapshot, kinds, fights),
      ...readingPorts(options, sessions),
    }),
    asking,
    ...splitPort(options, asking, sessions, wake),
    alerts: createAlertDesk(options.sendAlert, wake, options.alertsWanted, sessions),
    forget: sessions.forget,
  };
  const complaints = createComplaints(options.log, ports.store, recorder, sessions);
  const { quarantine } = options;
  const turns = createTurns({ ports, complaints, wake, sessions, ...(quarantine === undefined ? {} : { quarantine }) });
  const queue: WorkQueue = createWorkQueue({
    clock,
    random,
    concurrency: options.concurrency,
    lane: (key) => canaryRef(key).namespace,
    // The operator soon notices an API server that comes back, and sends few requests to one that stays away.
    backOffMinMs: 200,
    backOffMaxMs: 10_000,
    work: async (key, signal) => {
      const requeue = await turns.take(key, signal);
      if (requeue !== undefined) appoint(queue, key, requeue, clock);
    },
    onFailure: complaints.failed,
  });
  const canaries = options.track(RESOURCES.canary, options.namespace);
  const namesIn = (namespace: string) => canaries.list(namespace).map(({ metadata }) => metadata.name);
  const stopActions = options.actions?.onChange(wake, namesIn) ?? (() => undefined);
  const stopWatching = canaries.onChange((change) => {
    const { namespace = "", name } = change.object.metadata;
    const ref = { namespace, name };
    if (change.type === "deleted") snapshot.deleted(RESOURCES.canary, change.object);
    twins.saw(change);
    warnOfDeletion(change, primaryOf(change.object, snapshot), recorder);
    warnOfRenaming(change, options.log);
    if (change.type !== "deleted" && snapshot.echoed(ref, RESOURCES.canary, change.object)) return;
    wake(ref);
  });
  return {
    ready: canaries.synced,
    async stop(hurry) {
      stopWatching();
      stopActions();
      await queue.drain(hurry);
    },
  };
}

function readingPorts(
  { listPods, log, serverAheadMs }: EngineOptions,
  sessions: Sessions,
): Pick<WorldPorts, "troubles" | "serverAheadMs"> {
  return {
    ...(serverAheadMs === undefined ? {} : { serverAheadMs }),
    ...(listPods === undefined ? {} : { troubles: createPodTroubles({ list: listPods, log, sessions }) }),
  };
}

function splitPort(
  { steadyMs = () => performance.now() }: EngineOptions,
  { count }: Asking,
  sessions: Sessions,
  wake: (ref: CanaryRef) => void,
): Pick<Ports, "split"> {
  return count === undefined ? {} : { split: createSplitWatch({ count, sessions, steadyMs, wake }) };
}

function fightsOf(options: EngineOptions, complaints: () => Complaints): Fights {
  return createFights({
    clock: options.clock,
    read: options.read ?? (() => Promise.resolve(undefined)),
    onFight(canary, fight) {
      complaints().fought(canary, fight);
      options.onFight?.(fight);
    },
  });
}

/** As it was seen last; undefined for targets without a size. */
function primaryOf({ metadata, spec }: KubeObject, seen: Snapshot): KubeObject | undefined {
  const { kind, name } = spec?.targetRef ?? {};
  const type = [RESOURCES.deployment, RESOURCES.statefulSet].find((known) => known.kind === kind);
  return type && seen.get({ type, namespace: metadata.namespace ?? "", name: `${name}-primary` });
}

function askingOverHttp(options: EngineOptions, { read }: Follower): Asking {
  const { clock, log, metricsServer, parse, dispatcher, insecureDispatcher, webhookKey, cluster } = options;
  return createAsking({
    clock,
    log,
    metricsServer,
    meshProvider: parse.meshProvider,
    read,
    ...(dispatcher === undefined ? {} : { dispatcher }),
    ...(insecureDispatcher === undefined ? {} : { insecureDispatcher }),
    ...(webhookKey === undefined ? {} : { webhookKey }),
    ownNamespaceOnly: parse.noCrossNamespaceRefs,
    ...(cluster === undefined ? {} : { cluster }),
  });
}

function appoint(queue: WorkQueue, key: string, requeue: Requeue, clock: Clock): void {
  if (requeue.kind === "forget") queue.forget(key);
  if (requeue.kind === "now") queue.add(key);
  if (requeue.kind === "at") queue.addAfter(key, Math.max(0, requeue.time - clock.now()));
}
