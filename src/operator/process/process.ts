/**
 * The operator as a process: connects, checks, elects a leader, runs the engine, and delivers events and alerts before
 * it stops.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { getHeapStatistics } from "node:v8";
import { Registry } from "prom-client";
import { deadline } from "../../async/deadline.ts";
import { inPieces, pace } from "../../async/give-way.ts";
import { errorText } from "../../error-text.ts";
import type { ClusterAccess } from "../../kube/access.ts";
import { createKubeClient } from "../../kube/client.ts";
import { loadAccess } from "../../kube/config.ts";
import { type LeaseTiming, leadWithLease, watchLease } from "../../kube/lease.ts";
import { boundsFor, createLedger } from "../../kube/ledger.ts";
import { createTransport, type KubeTransport, urgently } from "../../kube/transport.ts";
import { createPrometheus } from "../../metrics/prometheus/prometheus.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import { httpUrl } from "../../net/http-url.ts";
import { show } from "../../net/show.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";
import { createJournal } from "../../recorders/journal/recorder.ts";
import { createKubeEvents, kubeEventsRecorder } from "../../recorders/kube-events/index.ts";
import { createLogRecorder } from "../../recorders/log/recorder.ts";
import { createMetricsRecorder } from "../../recorders/metrics/recorder.ts";
import { createRunRecorder } from "../../recorders/runs/recorder.ts";
import type { Retention } from "../../recorders/runs/retention.ts";
import { createTracesRecorder } from "../../recorders/traces/recorder.ts";
import { createTables, parseOptionsOf } from "../adapters.ts";
import { startEngine } from "../engine/engine.ts";
import { createAlerting } from "../notify/alerting.ts";
import { createEventWebhooks } from "../notify/event-webhooks.ts";
import { createActionInbox } from "../steering/action-inbox.ts";
import { createQuarantine, type Quarantine, readQuarantine } from "../watchdog/quarantine.ts";
import { startWatchdog } from "../watchdog/watchdog.ts";
import { connectClusters } from "./clusters.ts";
import type { OperatorFlags } from "./flags.ts";
import { serveOperatorHttp } from "./http.ts";
import { watchMemory } from "./memory.ts";
import { createOutgoing, type Outgoing } from "./outgoing.ts";
import { combineRecorders } from "./recorders.ts";
import { createSelfMetrics, type SelfMetrics } from "./self-metrics.ts";
import { checkCluster, StartupError } from "./startup.ts";

export interface OperatorOptions {
  readonly flags: OperatorFlags;
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted: stop. */
  readonly signal: AbortSignal;
  /** Where /healthz and /metrics listen; absent: all addresses. */
  readonly host?: string;
  /** AVIARY_NAMESERVER and the proxy variables; the process's own when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How the cluster is reached; absent: as flags and environment say. */
  readonly access?: ClusterAccess;
  /** Flagger's when absent. */
  readonly leaseTiming?: LeaseTiming;
  /** Where Canaries that block the event loop are noted; absent: there is no watchdog. */
  readonly quarantineFile?: string;
}

export interface OperatorEnd {
  /** `lost`: another instance leads; the process must end. */
  readonly kind: "stopped" | "lost";
}

const GRACE_MS = 3_000;
const LEASE_NAME = "flagger-leader-election";

/** Runs until `signal` is aborted or leadership is lost. @throws StartupError, KubeError when it cannot begin */
export async function runOperator(options: OperatorOptions): Promise<OperatorEnd> {
  const { flags, log, version, signal } = options;
  log.info({}, `Starting flagger version ${version} revision aviary mesh provider ${flags.meshProvider}`);
  const { kubeconfig, master, kubeconfigServiceMesh } = flags;
  const transport = await connect(options, options.access ?? { kubeconfig, master }, "kubeconfig");
  const meshTransport =
    kubeconfigServiceMesh === ""
      ? undefined
      : await connect(options, { kubeconfig: kubeconfigServiceMesh }, "host kubeconfig");
  const servers = [transport.server, ...(meshTransport === undefined ? [] : [meshTransport.server])];
  const outgoing = outgoingFrom(options, servers);
  try {
    await checkCluster(transport, flags.namespace, log, signal);
    if (flags.namespace !== "") log.info({}, `Watching namespace ${flags.namespace}`);
    checkMetricsServer(flags, { clock: options.clock, ...outgoing }, log, signal);
    const mesh = meshTransport === undefined ? {} : { meshTransport };
    return await serve({ ...options, ...outgoing, ...mesh, transport });
  } finally {
    await Promise.all([transport.close(), meshTransport?.close()]);
    await outgoing.destroy();
  }
}

interface Connected extends OperatorOptions, Outgoing {
  readonly transport: KubeTransport;
  /** Of the cluster that holds the routes, when that is another one. */
  readonly meshTransport?: KubeTransport;
}

/** @throws StartupError for flags that make no sense */
function outgoingFrom({ flags, env = process.env }: OperatorOptions, servers: readonly string[]): Outgoing {
  try {
    return createOutgoing(flags, env, servers);
  } catch (error) {
    throw new StartupError(errorText(error));
  }
}

async function serve(options: Connected): Promise<OperatorEnd> {
  const { flags, log, signal } = options;
  const registry = new Registry();
  // An instance that waits for leadership has metrics, too, because dashboards count operators by flagger_info.
  const metrics = createMetricsRecorder({ registry, version: options.version, meshProvider: flags.meshProvider });
  const self = createSelfMetrics(registry, options.transport.load);
  const stopMemory = watchMemory(log);
  const stopWatchdog = guard(options, self);
  let ready = false;
  const http = await serveOperatorHttp({
    port: flags.port,
    registry,
    ready: () => ready,
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  log.info({}, `Starting HTTP server on port ${http.port}`);
  const lead = (term: AbortSignal) =>
    // The engine reads times that controllers wrote, and other replicas read its own: all are by one clock.
    runEngine({ ...options, clock: options.transport.serverClock, metrics, self, signal: term }, () => {
      ready = true;
    });
  try {
    if (!flags.leaderElection) {
      await lead(signal);
      return { kind: "stopped" };
    }
    // A follower is ready: it serves its metrics and waits for its turn.
    ready = true;
    return { kind: (await elect(options, lead)) === "lost" ? "lost" : "stopped" };
  } finally {
    stopMemory();
    stopWatchdog();
    await http.stop(GRACE_MS);
    log.info({}, "HTTP server stopped");
  }
}

/** Starts the watchdog of the event loop. */
function guard({ quarantineFile: file, log }: OperatorOptions, self: SelfMetrics): () => void {
  return file === undefined ? () => undefined : startWatchdog({ file, log, onDelay: self.loopDelayed });
}

/** The Canaries that blocked an earlier process in this place. */
function quarantineOf({ quarantineFile: file, log }: OperatorOptions, self: SelfMetrics): Quarantine {
  const entries = file === undefined ? [] : readQuarantine(file, log);
  self.quarantined(entries.length);
  for (const { canary, where } of entries)
    log.warn({ canary }, `Canary ${canary} once blocked the operator at ${where}`);
  return createQuarantine(entries);
}

/** @param what the name of the kubeconfig in errors @throws StartupError */
async function connect(
  { flags, clock, random, version }: OperatorOptions,
  where: ClusterAccess | { readonly kubeconfig: string; readonly master?: string },
  what: string,
): Promise<KubeTransport> {
  const loaded = "server" in where ? Promise.resolve(where) : loadAccess({ clock, ...where });
  const access = await loaded.catch((error: unknown) => {
    throw new StartupError(`Error building ${what}: ${errorText(error)}`);
  });
  return createTransport({
    connect: createDispatcher,
    access,
    clock,
    random,
    elapsed: () => performance.now(),
    qps: flags.kubeconfigQps,
    burst: flags.kubeconfigBurst,
    userAgent: `aviary/${version}`,
  });
}

async function elect(
  { flags, log, clock, random, signal, transport, leaseTiming }: Connected,
  lead: (signal: AbortSignal) => Promise<void>,
): Promise<"lost" | "released"> {
  // HOSTNAME is the pod's name. The host name would not do, because programs in pods of the sandbox share one machine.
  const identity = `${process.env["HOSTNAME"] || hostname()}_${randomUUID()}`;
  const namespace = flags.leaderElectionNamespace;
  log.info({}, `Starting leader election id: ${identity} configmap: ${LEASE_NAME} namespace: ${namespace}`);
  const client = createKubeClient(urgently(transport), "flagger");
  const watching = new AbortController();
  const cache = watchLease({ transport, clock, random, log }, namespace, LEASE_NAME, watching.signal);
  const timing = leaseTiming === undefined ? {} : { timing: leaseTiming };
  const end = await leadWithLease(
    { client, cache, clock, random, log, namespace, name: LEASE_NAME, identity, ...timing },
    (term) => {
      log.info({}, "Acting as elected leader");
      return lead(term);
    },
    signal,
  ).finally(() => watching.abort(new Error("the election is over")));
  if (end === "lost") log.error({}, "Leadership lost");
  return end;
}

interface EngineRun extends Connected {
  readonly metrics: Recorder;
  readonly self: SelfMetrics;
}

async function runEngine(options: EngineRun, whenReady: () => void): Promise<void> {
  const { flags, log, clock, random, transport, dispatcher, insecureDispatcher, signal } = options;
  const stopped = new AbortController();
  const ledger = createLedger(boundsFor(getHeapStatistics().heap_size_limit));
  const leftOutCanaries = () => ledger.leftOutOf(RESOURCES.canary);
  options.self.keeps({ bytes: ledger.bytes, leftOut: ledger.leftOut, leftOutCanaries });
  const clusters = connectClusters({
    ...{ transport, clock, random, log, ledger, namespace: flags.namespace, signal: stopped.signal },
    ...(options.meshTransport === undefined ? {} : { meshTransport: options.meshTransport }),
  });
  const alerting = createAlerting(flags, {
    clock,
    log,
    read: (ref) => clusters.cache.read(ref, stopped.signal),
    dispatcherFor: options.dispatcherFor,
    announce: (canary, message) =>
      recorder.announce(canary, { type: "Warning", reason: "AlertFailed", message, phase: canary.status.phase }),
  });
  const { recorder, flush } = createRecorders(options, clusters.client, stopped.signal);
  log.info({}, "Starting operator");
  const actions = createActionInbox({
    ...{ track: clusters.track, writer: clusters.writer, log },
    ...{ namespace: flags.namespace, home: flags.leaderElectionNamespace },
  });
  const { ingressAnnotationsPrefix, ingressClass } = flags;
  const setOwnerRefs = clusters.routesCanBeOwned;
  const tables = createTables(flags, { setOwnerRefs, ingressAnnotationsPrefix, ingressClass });
  const engine = startEngine({
    clock,
    random,
    log,
    writer: clusters.writer,
    read: clusters.read,
    listPods: clusters.client.list,
    inPieces,
    pace,
    onFight: options.self.fought,
    track: clusters.track,
    namespace: flags.namespace,
    tables,
    parse: parseOptionsOf(tables, {
      meshProvider: flags.meshProvider,
      intervalFloorMs: flags.intervalFloorMs,
      noCrossNamespaceRefs: flags.noCrossNamespaceRefs,
      sharedGateways: flags.sharedGateways,
    }),
    metricsServer: flags.metricsServer,
    recorder,
    actions,
    sendAlert: alerting.send,
    alertsWanted: alerting.hasReceiver,
    quarantine: quarantineOf(options, options.self),
    cluster: transport,
    concurrency: Math.max(1, flags.threadiness) * TURNS_PER_THREAD,
    dispatcher,
    insecureDispatcher,
    ...webhookKey(flags.webhookKeyFile),
  });
  log.info({}, "Waiting for canary informer cache to sync");
  await Promise.race([engine.ready, aborted(signal)]);
  whenReady();
  log.info({}, "Started operator workers");
  await aborted(signal);
  log.info({}, "Shutting down operator workers");
  const grace = deadline(clock, GRACE_MS);
  await engine.stop(grace.signal).finally(grace.clear);
  await Promise.all([alerting.flush(GRACE_MS), flush()]);
  stopped.abort(new Error("the operator stops"));
}

/**
 * A turn mostly waits, e.g. for a webhook as long as its author allows, and must not delay other Canaries meanwhile. So
 * this many turns are taken at once, as many as Flagger has goroutines. Requests to the API server have their own
 * limit.
 */
const TURNS_PER_THREAD = 500;

function retentionOf({ historyLimit: runs, historyDays: days, historyTotal: total }: OperatorFlags): Retention {
  return { runs, days, total };
}

function createRecorders(options: EngineRun, client: ReturnType<typeof createKubeClient>, signal: AbortSignal) {
  const { flags, log, clock, random, metrics, self, dispatcher, insecureDispatcher } = options;
  const kubeEvents = createKubeEvents({ writer: client, clock, random, log, onDropped: self.eventDropped });
  const hooks = { clock, log, globalUrl: flags.eventWebhook, signal, dispatcher, insecureDispatcher };
  const eventWebhooks = createEventWebhooks(hooks);
  const runs = createRunRecorder({ client, clock, log, signal, keep: retentionOf(flags) });
  const journal = flags.journal === "" ? undefined : createJournal(flags.journal, log);
  const traces = tracesOf(options, signal);
  const recorder = combineRecorders(
    [
      createLogRecorder(log),
      kubeEventsRecorder(kubeEvents),
      metrics,
      eventWebhooks,
      runs,
      ...(journal === undefined ? [] : [journal]),
      ...(traces === undefined ? [] : [traces]),
    ],
    log,
  );
  return {
    recorder,
    flush: async () => {
      const grace = deadline(clock, GRACE_MS);
      const own = [runs.flush(), journal?.flush(), traces?.flush()];
      const events = [kubeEvents.flush(grace.signal), eventWebhooks.flush(grace.signal)];
      await Promise.all([...events, ...own]).finally(grace.clear);
    },
  };
}

/** @throws StartupError for an endpoint that is no address */
function tracesOf({ flags, log, clock, version }: EngineRun, signal: AbortSignal) {
  const { otlpEndpoint: endpoint } = flags;
  if (endpoint === "") return undefined;
  if (httpUrl(endpoint) === undefined) throw new StartupError(`-otlp-endpoint must be a URL, found "${endpoint}"`);
  return createTracesRecorder({ endpoint, version, clock, log, signal });
}

/**
 * Warns of a metric server that does not answer. The operator starts all the same, because not every Canary needs that
 * server.
 * @throws StartupError for a text that is no address
 */
function checkMetricsServer(
  { metricsServer }: OperatorFlags,
  { dispatcher, clock }: Pick<Connected, "dispatcher" | "clock">,
  log: Log,
  signal: AbortSignal,
): void {
  const unreachable = (error: unknown) => {
    if (!signal.aborted) log.error({}, `Metrics server ${show(metricsServer)} unreachable ${errorText(error)}`);
  };
  let source: ReturnType<typeof createPrometheus>;
  try {
    source = createPrometheus({ type: "prometheus", address: metricsServer, clock, dispatcher });
  } catch (error) {
    // Flagger ends, too, when Go's parser refuses the address: an empty text, or a colon without a scheme before it.
    if (metricsServer === "" || (metricsServer.includes(":") && !URL.canParse(metricsServer))) {
      throw new StartupError(`Error building prometheus client: ${errorText(error)}`);
    }
    unreachable(error);
    return;
  }
  source.online(signal).then(() => log.info({}, `Connected to metrics server ${show(metricsServer)}`), unreachable);
}

/** @throws StartupError when the file cannot be read, or is empty */
function webhookKey(file: string): { readonly webhookKey?: string } {
  if (file === "") return {};
  try {
    const key = readFileSync(file, "utf8").trim();
    if (key !== "") return { webhookKey: key };
  } catch (error) {
    throw new StartupError(`-webhook-key-file ${file}: ${errorText(error)}`);
  }
  throw new StartupError(`-webhook-key-file ${file}: the file is empty, expected a key`);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
