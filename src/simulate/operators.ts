/**
 * The operator under test: the real engine with the real routers and workloads, between ports of the simulated world.
 */

import { createServerClock } from "../async/server-clock.ts";
import type { CanaryRef } from "../core/spec/spec.ts";
import type { Alert, Canary } from "../core/status/canary.ts";
import type { RolloutEvent } from "../core/texts/events.ts";
import type { Answer, Probe } from "../core/turn/observation.ts";
import { type Engine, type EngineOptions, startEngine } from "../operator/engine/engine.ts";
import { createActionInbox } from "../operator/steering/action-inbox.ts";
import { KubeError } from "../ports/kube.ts";
import { RESOURCES } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { Count } from "../ports/probe-runner.ts";
import type { Turn } from "../ports/recorder.ts";
import { createRunRecorder } from "../recorders/runs/recorder.ts";
import type { RunWriterOptions } from "../recorders/runs/writer.ts";
import { OTHER_TABLES, PARSE_OPTIONS, TABLES } from "./adapters.ts";
import type { Api } from "./api.ts";
import type { Reply } from "./questions.ts";
import type { Chance } from "./random.ts";
import type { Records } from "./records.ts";
import { clockOf, type Life, type Schedule } from "./schedule.ts";
import { createWatches } from "./watches.ts";
import type { Fault, PortCall, Weather } from "./weather.ts";

export interface OperatorPorts {
  readonly api: Api;
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly weather: Weather;
  /** Started with the other order of `-selector-labels`. */
  readonly otherFlags: boolean;
  /** People ask for actions. */
  readonly steered: boolean;
  readonly question: (canary: Canary, probe: Probe, lateMs: number) => Reply;
  readonly count: (of: "canary" | "primary", windowMs: number) => Count;
  /** Where runs are recorded; absent: they are not. */
  readonly records?: Records["client"];
  /** The errors of the clocks now. */
  readonly skew: Skew;
  /** The number of the next call. */
  readonly nextCall: () => number;
  readonly listener: OperatorListener;
}

/** By how many milliseconds the clocks of the operator's machine and of the API server that answers are ahead. */
export type Skew = Record<"machine" | "API server", number>;

/** Events inside the operator, for the simulation. */
export interface OperatorListener {
  turn(turn: Turn): void;
  said(ref: CanaryRef, event: RolloutEvent): void;
  asked(canary: Canary, probe: Probe, answer: Answer): void;
  alerted(alert: Alert): void;
  /** A turn ended with an error. */
  failed(error: unknown): void;
  fault(fault: Fault, call: PortCall): void;
  /** The process was killed by a fault. */
  died(): void;
}

export interface Operator {
  readonly life: Life;
  /** Ends it between two instructions, as SIGKILL does. */
  kill(): void;
}

const CALL_MS = 4;
const SLOW_MS = 20_000;
const TIMEOUT_MS = 10_000;
const LATE_MS = 60_000;

export function startOperator(ports: OperatorPorts): Operator {
  const { api, schedule, chance, weather, listener } = ports;
  const life: Life = { alive: true, sleeping: 0 };
  const kill = () => {
    life.alive = false;
  };
  const serverClock = createServerClock(
    clockOf(schedule, life, () => ports.skew.machine),
    schedule.now,
  );
  const answered = (sentAt: number) =>
    serverClock.saw(new Date(schedule.now() + ports.skew["API server"]).toUTCString(), sentAt);
  // The caches have been filled.
  answered(schedule.now());
  const call = createCaller(ports, life, answered);
  const watch = createWatches({ api, schedule, life, fate: weather.watch });
  const log = failureLog(listener);
  const writer: Pick<EngineOptions["writer"], "create" | "mergePatch" | "delete"> = {
    create: (type, object) =>
      call("write", `create ${type.kind} ${object.metadata.name}`, CALL_MS, () => api.create(type, object, "operator")),
    mergePatch: (ref, patch, options) =>
      call(
        "write",
        `patch ${ref.type.kind} ${ref.name}${options.subresource === undefined ? "" : ` ${options.subresource}`}`,
        CALL_MS,
        () => api.patch(ref, patch, options, "operator"),
      ),
    delete: (ref) =>
      call("write", `delete ${ref.type.kind} ${ref.name}`, CALL_MS, () => {
        const was = api.get(ref) !== undefined;
        api.delete(ref, "operator");
        return was;
      }),
  };
  const actions = ports.steered
    ? createActionInbox({ track: (type) => watch(type), writer, log, namespace: "", home: "" })
    : undefined;
  const runs =
    ports.records === undefined
      ? undefined
      : createRunRecorder({ ...whileAlive(ports.records, log, life), clock: serverClock });
  const engine: Engine = startEngine({
    clock: serverClock,
    random: () => chance.next(),
    log,
    writer,
    ...(actions === undefined ? {} : { actions }),
    track: (type) => watch(type),
    namespace: "",
    tables: ports.otherFlags ? OTHER_TABLES : TABLES,
    parse: PARSE_OPTIONS,
    metricsServer: "http://prometheus.invalid",
    probeRunner: {
      run: (canary, probe) => ask(canary, probe, ports, call),
      count: async (_canary, of, windowMs) => ports.count(of, windowMs),
    },
    steadyMs: schedule.now,
    recorder: {
      record(turn) {
        if (!life.alive) return;
        listener.turn(turn);
        runs?.record(turn);
      },
      announce: (about, event) => life.alive && listener.said(about.ref, event),
      forget: () => {},
    },
    sendAlert: (canary, alert) =>
      call("alert", `send alert "${alert.message}"`, CALL_MS, () => {
        if (hasReceiver(canary, api)) listener.alerted(alert);
      }),
    concurrency: 4,
  });
  void engine.ready;
  return { life, kill };
}

/** A dead process records nothing more. */
function whileAlive(client: Records["client"], log: Log, life: Life): RunWriterOptions {
  const never = new Promise<never>(() => {});
  const alive =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      life.alive ? call(...args) : never;
  const { get, list, create, mergePatch, delete: remove } = client;
  const guarded = {
    ...{ get: alive(get), list: alive(list), create: alive(create) },
    ...{ mergePatch: alive(mergePatch), delete: alive(remove) },
  };
  return { client: guarded, log, signal: new AbortController().signal };
}

type Call = <T>(
  port: PortCall["port"],
  what: string,
  ms: number,
  effect: (fault: Fault | undefined) => T,
) => Promise<T>;

/** Every call takes time, may be hit by a fault, and never returns to a dead process. */
function createCaller(
  { schedule, weather, nextCall, listener }: OperatorPorts,
  life: Life,
  answered: (sentAt: number) => void,
): Call {
  return (port, what, ms, effect) =>
    new Promise((resolve, reject) => {
      if (!life.alive) return;
      const sentAt = schedule.now();
      const made: PortCall = { index: nextCall(), port, what };
      const fault = weather.call(made);
      if (fault !== undefined) listener.fault(fault, made);
      const die = () => {
        life.alive = false;
        listener.died();
      };
      const back = (after: number, give: () => void) => schedule.after(after, () => life.alive && give());
      const happen = () => {
        if (port === "write" && fault !== "lost-answer") answered(sentAt);
        try {
          const result = effect(fault);
          if (fault === "dies-after") die();
          else if (fault === "lost-answer")
            back(TIMEOUT_MS, () => reject(new KubeError(0, "Timeout", "no answer in time")));
          else resolve(result);
          // The next step happens when every promise has run out, and not in a dead process.
          if (fault === "dies-idle") schedule.after(0, () => life.alive && die());
        } catch (error) {
          reject(error);
        }
      };
      const fail = (error: KubeError) => back(ms, () => reject(error));
      if (fault === "dies-before") die();
      else if (fault === "refused") fail(new KubeError(500, "InternalError", "the API server stumbled"));
      else if (fault === "unreachable") fail(new KubeError(0, "Unreachable", "connection refused"));
      else if (fault === "conflict") fail(new KubeError(409, "Conflict", "another client wrote meanwhile"));
      else back(fault === "slow" ? SLOW_MS : ms, happen);
    });
}

async function ask(canary: Canary, probe: Probe, { question, listener }: OperatorPorts, call: Call): Promise<Answer> {
  const preview = question(canary, probe, 0);
  const answer = await call("ask", describeProbe(probe), preview.tookMs, (fault) => {
    if (fault === "error" || fault === "hangs") return failedAnswer(probe, fault);
    return fault === "late" ? question(canary, probe, LATE_MS).answer : preview.answer;
  });
  listener.asked(canary, probe, answer);
  return answer;
}

function failedAnswer(probe: Probe, fault: "error" | "hangs"): Answer {
  const detail = fault === "error" ? "503 Service Unavailable" : `no answer within ${TIMEOUT_MS / 1000} s`;
  return probe.kind === "hook"
    ? { kind: "refused", detail }
    : { kind: "error", message: `Prometheus query failed: ${detail}` };
}

/** An alert whose providers are gone is lost, and the operator logs that. */
function hasReceiver({ ref, spec }: Canary, api: Api): boolean {
  const { alerts } = spec.analysis;
  const isThere = ({ providerRef }: (typeof alerts)[number]) => {
    const { name, namespace = ref.namespace } = providerRef;
    return api.get({ type: RESOURCES.alertProvider, namespace, name }) !== undefined;
  };
  return alerts.length === 0 || alerts.some(isThere);
}

export function describeProbe(probe: Probe): string {
  switch (probe.kind) {
    case "hook":
      return `${probe.type} ${probe.hook.name}`;
    case "metric":
      return `${probe.metric.name} of ${probe.of}`;
    case "metric-servers":
      return "metric servers";
  }
}

function failureLog(listener: OperatorListener): Log {
  return {
    debug() {},
    info() {},
    warn() {},
    error: (fields) => listener.failed("err" in fields ? fields.err : undefined),
  };
}
