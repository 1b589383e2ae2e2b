/**
 * The whole operator in one sentence: load, observe, decide, save, converge, record.
 *
 * Everything is level-triggered: a turn may be taken at any time, any number of times, and after any crash. The status
 * is saved before anything is done about it, so that the next turn, of this process or another, knows the decision and
 * can finish it.
 */

import { desired, nextTurnAt } from "../../core/desired.ts";
import { liftedBy } from "../../core/people/override.ts";
import { routesFor } from "../../core/routes.ts";
import { specInForce } from "../../core/run/names.ts";
import type { CanaryRef } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import { type Situation, type TakenTurn, takeTurn } from "../../core/take-turn.ts";
import { earliest } from "../../core/turn/earliest.ts";
import type { Transition } from "../../core/turn/turn.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ProbeRunner } from "../../ports/probe-runner.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { CanaryStore, InvalidCanary } from "../../ports/store.ts";
import type { ClusterState } from "../cluster/cluster-state.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { recordAsker } from "../measure/for-the-record.ts";
import type { SplitWatch } from "../measure/split-watch.ts";
import type { AlertOutbox } from "../notify/alerts.ts";
import type { Slot } from "../sessions.ts";
import type { ActionInbox, Steered } from "../steering/action-inbox.ts";
import { ensureFinalizer, removeFinalizer } from "./finalizer.ts";

/** Everything that a turn needs beside the Canary. */
export interface Ports {
  readonly clock: Clock;
  readonly store: CanaryStore;
  readonly view: ClusterView;
  readonly probeRunner: ProbeRunner;
  readonly alerts: AlertOutbox;
  readonly recorder: Recorder;
  /** Drops everything that is kept in memory of a deleted Canary. */
  readonly forget: (ref: CanaryRef) => void;
  /** The generation of the spec whose doubts or refusal were announced last. */
  readonly announced: Slot<number>;
  /** Absent: the split of the requests is not compared with its promise. */
  readonly split?: SplitWatch;
  /** Absent: people cannot act. */
  readonly actions?: Pick<ActionInbox, "read" | "answer">;
}

/** When to take the next turn if nothing happens before. Times are milliseconds since the epoch. */
export type Requeue =
  | { readonly kind: "at"; readonly time: number }
  /** Something was written. The next turn reads it, and decides what follows. */
  | { readonly kind: "now" }
  | { readonly kind: "never" }
  | { readonly kind: "forget" };

const NO_STEERING: Steered = { actions: [] };

/**
 * Takes one turn of one Canary.
 * @throws what a read of the cluster or a write throws: then the turn is taken again
 */
export async function reconcile(ref: CanaryRef, ports: Ports, signal: AbortSignal): Promise<Requeue> {
  const loaded = ports.store.load(ref);
  if (loaded === undefined) return forget(ref, ports);
  if (loaded.kind === "invalid") return refuse(loaded, ports, signal);
  const { canary: asWritten, doubts = [] } = loaded;
  const canary = { ...asWritten, spec: specInForce(asWritten.spec, asWritten.status, asWritten.deleting) };
  announceDoubts(canary, doubts, ports);
  const begun = ports.clock.now();
  const finalizer = await ensureFinalizer(canary, ports, signal);
  if (finalizer !== "unchanged") return { kind: finalizer === "written" ? "now" : "never" };

  const state = await ports.view.observe(canary, begun, signal);
  const { uid, spec, status, deleting } = canary;
  const { plan } = state;
  const offSplit = ports.split?.found(canary);
  const readings = offSplit === undefined ? state.readings : { ...state.readings, offSplit };
  const alertsDelivered = ports.alerts.delivered(ref);
  const asked = ports.actions?.read(ref, begun, liftedBy(status.override)) ?? NO_STEERING;
  const { recheckAt: steeredAt, ...steered } = asked;
  const situation = { ref, uid, spec, plan, status, readings, alertsDelivered, deleting, now: begun, ...steered };
  const taken = await decideAndAsk(canary, situation, ports, signal);
  const { input, transition: decided } = taken;
  ports.split?.observe(canary, plan, readings, isJudged(taken));
  const transition = ports.alerts.isWanted(canary) ? decided : withoutAlerts(decided);
  const saved =
    transition.status === canary.status ? canary : await ports.store.save(canary, transition.status, signal);
  await answerActions(saved, decided, input.now, ports, signal);
  ports.alerts.cleared(ref, input.alertsDelivered);
  let wrote = saved !== canary;
  try {
    wrote = (await converge(saved, canary, state, ports, signal)) || wrote;
  } finally {
    record(canary, taken, begun, ports);
    ports.alerts.deliver(saved, transition.status.owedAlerts);
  }
  if (await removeFinalizer(saved, transition.status, ports, signal)) return { kind: "never" };
  return wrote ? { kind: "now" } : requeueFor(transition, state, input.now, steeredAt);
}

/**
 * Called after the save. After a crash between the save and the answer, the next turn finds the action in the status
 * and answers it.
 */
async function answerActions(saved: Canary, decided: Transition, now: number, ports: Ports, signal: AbortSignal) {
  const { answered = [] } = decided;
  if (answered.length === 0) return;
  const { run } = saved.status;
  await ports.actions?.answer(saved.ref, answered, { now, ...(run === undefined ? {} : { run: run.id }) }, signal);
}

/** Alerts without a receiver are not owed: to remember them would cost two writes. */
function withoutAlerts(transition: Transition): Transition {
  const { status } = transition;
  return status.owedAlerts.length === 0 ? transition : { ...transition, status: { ...status, owedAlerts: [] } };
}

/** The turn is decided at the time of the last answer: the questions may take longer than the hold of the next step. */
async function decideAndAsk(
  canary: Canary,
  situation: Situation,
  ports: Ports,
  signal: AbortSignal,
): Promise<TakenTurn> {
  const turn = takeTurn(situation);
  let at = turn.next();
  while (at.done !== true) {
    const answer = await ports.probeRunner.run(canary, at.value, signal);
    at = turn.next({ answer, now: ports.clock.now() });
  }
  return at.value;
}

async function converge(saved: Canary, loaded: Canary, state: ClusterState, ports: Ports, signal: AbortSignal) {
  const { uid, spec, status } = saved;
  const wanted = desired({ uid, plan: state.plan, suspended: spec.suspend && !saved.deleting }, status);
  // A status that this turn saved is the latest one. A status that was only read from a cache may be old, and another
  // operator may lead by now: then it is confirmed before the first write.
  const confirm = saved === loaded ? once(() => ports.store.confirm(loaded, signal)) : undefined;
  return ports.view.converge(saved, wanted, state, signal, confirm);
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}

function record(canary: Canary, { input, transition, unasked = [] }: TakenTurn, begun: number, ports: Ports): void {
  const tookMs = ports.clock.now() - begun;
  const routes = routesFor(input.plan, transition.status);
  const asks = isJudged({ input }) || unasked.length > 0;
  const more = asks ? { askForTheRecord: recordAsker(canary, unasked, ports.probeRunner) } : {};
  ports.recorder.record({ canary, input, transition, routes, tookMs, ...more });
}

function isJudged({ input }: Pick<TakenTurn, "input">): boolean {
  return input.observation.answers.some(({ probe }) => probe.kind === "metric" && probe.of === "canary");
}

/**
 * Times that had passed at the decision are ignored, because an event wakes the Canary.
 * @param now of the decision; a time that passed since, while the cluster was written to, is due at once
 */
function requeueFor(transition: Transition, state: ClusterState, now: number, steeredAt: number | undefined): Requeue {
  const times = [nextTurnAt(transition, now), state.readings.recheckAt, steeredAt];
  const time = earliest(...times.filter((each) => each !== undefined && each > now));
  return time === undefined ? { kind: "never" } : { kind: "at", time };
}

function forget(ref: CanaryRef, ports: Ports): Requeue {
  ports.forget(ref);
  return { kind: "forget" };
}

/** The release goes on, as the contract asks. Doubts about the spec are announced once per generation. */
function announceDoubts(canary: Canary, doubts: readonly string[], ports: Ports): void {
  if (doubts.length === 0 || !isNews(canary, ports)) return;
  const { phase } = canary.status;
  for (const message of doubts)
    ports.recorder.announce(canary, { type: "Warning", reason: "Doubtful", message, phase });
}

/** Whether nothing was announced about this generation yet. From now on it counts as announced. */
function isNews({ ref, generation }: Pick<Canary, "ref" | "generation">, { announced }: Ports): boolean {
  const isNew = announced.get(ref) !== generation;
  announced.set(ref, generation);
  return isNew;
}

/**
 * Routes and workloads stay as they are until the spec is valid again. The refusal is announced once per generation
 * (Q9).
 */
async function refuse(invalid: InvalidCanary, ports: Ports, signal: AbortSignal): Promise<Requeue> {
  const { problem: message } = invalid;
  if (isNews(invalid, ports))
    ports.recorder.announce(invalid, { type: "Warning", reason: "Invalid", message, error: true, phase: "" });
  await ports.store.refuse(invalid, ports.clock.now(), signal);
  return { kind: "never" };
}
