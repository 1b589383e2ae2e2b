/**
 * The running engine. Watches wake Canaries, and a queue takes their turns: one turn of a Canary at a time, turns of
 * several Canaries at once.
 */
import type { Dispatcher } from "undici";
import type { Pace } from "../../async/give-way.ts";
import type { ParseOptions } from "../../core/spec/parse.ts";
import { type CanaryRef, canaryKey } from "../../core/spec/spec.ts";
import type { Alert, Canary } from "../../core/status/canary.ts";
import { errorText } from "../../error-text.ts";
import { createWorkQueue, type WorkQueue } from "../../kube/work-queue.ts";
import type { ClusterCalls } from "../../metrics/provider.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import type { KubeReader, ObjectCache, ObjectRemover, ObjectWriter } from "../../ports/kube.ts";
import { RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import type { ProbeRunner } from "../../ports/probe-runner.ts";
import type { Recorder } from "../../ports/recorder.ts";
import { type AdapterTables, routerKinds } from "../adapters.ts";
import { type ClusterViewPorts, createClusterView } from "../cluster/cluster-view.ts";
import { createFights, type Fight, type Fights } from "../cluster/fights.ts";
import { inMemory } from "../cluster/follow-inputs.ts";
import { createPodTroubles } from "../cluster/pod-troubles.ts";
import { createFreshSnapshot } from "../cluster/read-your-writes.ts";
import { warnOfRenaming } from "../cluster/renamed.ts";
import { createRemover, createWriter } from "../cluster/write.ts";
import { createProbeRunner } from "../measure/probe-runner.ts";
import { createSplitWatch } from "../measure/split-watch.ts";
import { createAlertOutbox } from "../notify/alerts.ts";
import type { Ports, Requeue } from "../reconcile/reconcile.ts";
import { createCanaryStore } from "../reconcile/store.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import type { ActionInbox } from "../steering/action-inbox.ts";
import type { Quarantine } from "../watchdog/quarantine.ts";
import { type Complaints, createComplaints } from "./complaints.ts";
import { warnOfDeletion } from "./deleted-canary.ts";
import { canaryRef, createFollower, type Follower } from "./follow.ts";
import { createTargetClaims } from "./target-claims.ts";
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
  /** The cache of a kind. The first call starts it. Namespace "" stands for all. */
  readonly track: (type: ResourceType, namespace: string) => ObjectCache;
  /** The only namespace to look at; "" for all. */
  readonly namespace: string;
  readonly tables: AdapterTables;
  readonly parse: ParseOptions;
  readonly metricsServer: string;
  readonly recorder: Recorder;
  /** The actions of people; absent: people cannot act. */
  readonly actions?: ActionInbox;
  readonly sendAlert: (canary: Canary, alert: Alert) => Promise<void>;
  /** Whether an alert of this Canary has a receiver; absent: always. */
  readonly alertsWanted?: (canary: Canary) => boolean;
  /** Runs the probes; absent: webhooks and metric servers are called over HTTP. */
  readonly probeRunner?: ProbeRunner;
  /** Canaries to leave alone; absent: none. */
  readonly quarantine?: Quarantine;
  /** Does long works in pieces, and gives way to others between them; absent: all in one. */
  readonly inPieces?: ClusterViewPorts["inPieces"];
  /** Keeps turns that begin at once from blocking the event loop together; absent: they follow one another. */
  readonly pace?: Pace;
  /** Lists pods that do not start; absent: messages do not name such pods. */
  readonly listPods?: KubeReader["list"];
  /** A monotonic clock in milliseconds; absent: that of this process. */
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
  /** Resolves when the cache of Canaries is filled. */
  readonly ready: Promise<void>;
  /**
   * Waits for the turns under way, and starts no more.
   * @param hurry aborted: stop waiting for webhooks and metric servers
   */
  stop(hurry?: AbortSignal): Promise<void>;
}

export function startEngine(options: EngineOptions): Engine {
  const { clock, random, recorder, pace } = options;
  const wake = (ref: CanaryRef) => queue.add(canaryKey(ref));
  const follower = createFollower({
    clock,
    wake,
    track: options.track,
    isOwnWrite: (canary, type, object) => snapshot.isOwnWrite(canary, type, object),
    onDeleted: (type, last) => snapshot.noteDeletion(type, last),
    pace,
  });
  const { follow, isFollowing, isLeftOut } = follower;
  const snapshot = createFreshSnapshot(follower.cached, follower.listed);
  const claims = createTargetClaims(options.log, wake);
  const sessions = createSessions();
  sessions.onForget(follower.unfollow);
  sessions.onForget((ref) => recorder.forget(ref));
  const probeRunner = options.probeRunner ?? probesOverHttp(options, follower);
  const fights = fightsOf(options, () => complaints);
  const kinds = routerKinds(options.tables);
  const ports: Ports = {
    clock,
    recorder,
    ...(options.actions === undefined ? {} : { actions: options.actions }),
    store: createCanaryStore(options.writer, snapshot, options.parse, options.log, sessions),
    view: createClusterView({
      tables: options.tables,
      snapshot,
      clock,
      ...{ follow, isFollowing, isLeftOut },
      sessions,
      refusal: claims.conflictOf,
      remove: createRemover(options.writer, snapshot, kinds),
      write: createWriter(options.writer, snapshot, kinds, fights),
      ...readingPorts(options, sessions),
    }),
    probeRunner,
    ...splitPort(options, probeRunner, sessions, wake),
    alerts: createAlertOutbox(options.sendAlert, wake, options.alertsWanted, sessions),
    announced: sessions.slot(),
    forget: sessions.forget,
  };
  const complaints = createComplaints(options.log, ports.store, recorder, sessions);
  const leftOut = (ref: CanaryRef) => leftOutOf(ref, canaries);
  const turns = createTurns({ ports, complaints, wake, sessions, leftOut, quarantine: options.quarantine });
  const queue: WorkQueue = createWorkQueue({
    ...{ clock, random, pace },
    concurrency: options.concurrency,
    lane: (key) => canaryRef(key).namespace,
    // The operator soon notices an API server that comes back, and sends few requests to one that stays away.
    backOffMinMs: 200,
    backOffMaxMs: 10_000,
    work: async (key, signal) => {
      const requeue = await turns.take(key, signal);
      if (requeue !== undefined) schedule(queue, key, requeue, clock);
    },
    onFailure: complaints.failed,
  });
  const canaries = options.track(RESOURCES.canary, options.namespace);
  const namesIn = (namespace: string) => canaries.list(namespace).map(({ metadata }) => metadata.name);
  const stopActions = options.actions?.onChange(wake, namesIn) ?? (() => undefined);
  const stopWatching = canaries.onChange((change) => {
    const { namespace = "", name } = change.object.metadata;
    const ref = { namespace, name };
    if (change.type === "deleted") snapshot.noteDeletion(RESOURCES.canary, change.object);
    claims.observe(change);
    warnOfDeletion(change, options.tables.workloads, inMemory(snapshot, isLeftOut), recorder);
    warnOfRenaming(change, options.log);
    if (change.type !== "deleted" && snapshot.isOwnWrite(ref, RESOURCES.canary, change.object)) return;
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

/** Of a Canary whose namespace stores too much only a sketch is in memory, until there is room. */
function leftOutOf({ namespace, name }: CanaryRef, canaries: ObjectCache): Promise<string | undefined> | undefined {
  if (canaries.lacks?.(namespace, name) !== true) return undefined;
  const held = canaries.hold?.(namespace, name) ?? Promise.resolve();
  return held.then(() => {
    canaries.release?.(namespace, name);
    return undefined;
  }, errorText);
}

function readingPorts(
  { listPods, log, inPieces }: EngineOptions,
  sessions: Sessions,
): Pick<ClusterViewPorts, "troubles" | "inPieces"> {
  return {
    ...(inPieces === undefined ? {} : { inPieces }),
    ...(listPods === undefined ? {} : { troubles: createPodTroubles({ list: listPods, log, sessions }) }),
  };
}

function splitPort(
  { steadyMs = () => performance.now() }: EngineOptions,
  { count }: ProbeRunner,
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

function probesOverHttp(options: EngineOptions, { read }: Follower): ProbeRunner {
  const { clock, log, metricsServer, parse, dispatcher, insecureDispatcher, webhookKey, cluster } = options;
  return createProbeRunner({
    clock,
    log,
    metricsServer,
    meshProvider: parse.meshProvider,
    workloads: options.tables.workloads,
    read,
    ...(dispatcher === undefined ? {} : { dispatcher }),
    ...(insecureDispatcher === undefined ? {} : { insecureDispatcher }),
    ...(webhookKey === undefined ? {} : { webhookKey }),
    ownNamespaceOnly: parse.noCrossNamespaceRefs,
    ...(cluster === undefined ? {} : { cluster }),
  });
}

function schedule(queue: WorkQueue, key: string, requeue: Requeue, clock: Clock): void {
  if (requeue.kind === "forget") queue.forget(key);
  if (requeue.kind === "now") queue.add(key);
  if (requeue.kind === "at") queue.addAfter(key, Math.max(0, requeue.time - clock.now()));
}
