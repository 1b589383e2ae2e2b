/**
 * One release of the demo: change the target, watch the Canary until it is promoted or rolled back, count what users
 * saw.
 */

import type { ObjectCache } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import type { ClusterClient } from "../cluster.ts";
import { UserError } from "../command.ts";
import { factsOf } from "../steer/facts.ts";
import type { Measured } from "./telemetry.ts";
import type { UserTraffic } from "./traffic.ts";
import type { Scene, View } from "./view.ts";

export interface Stage {
  readonly client: ClusterClient;
  readonly canaries: ObjectCache;
  readonly traffic: UserTraffic;
  readonly view: View;
  readonly measure: (target: string, namespace: string, signal: AbortSignal) => Promise<Measured>;
  readonly namespace: string;
  readonly name: string;
  readonly events: EventFeed;
}

/** The events of the Canary, oldest first. */
export interface EventFeed {
  readonly seen: () => readonly string[];
  /** @returns stops listening */
  onMore(listener: () => void): () => void;
}

export interface Outcome {
  readonly phase: string;
  readonly requests: number;
  readonly failed: number;
  readonly refused: number;
  /** The first few failed requests: when, and what the user got. */
  readonly failures: readonly string[];
  /** Why it was rolled back, in the operator's one sentence; empty when it was promoted. */
  readonly why: string;
  /** Milliseconds in each phase, in the order in which they were entered. */
  readonly phases: readonly { readonly phase: string; readonly ms: number }[];
}

const REDRAW_MS = 500;
const PATIENCE_MS = 900_000;
/** Events are written a moment after the status. */
const EVENT_PATIENCE_MS = 15_000;
const LAST_WORDS: Readonly<Record<string, RegExp>> = {
  Succeeded: /^Promotion completed/,
  Failed: /^Canary failed/,
};

/** @param change of the pod template's container */
export async function release(
  stage: Stage,
  change: (container: KubeObject) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const { client, namespace, name, traffic, events } = stage;
  const said = events.seen().length;
  const ref = { type: RESOURCES.deployment, namespace, name };
  const target = await client.kube.get(ref, signal);
  if (target === undefined) throw new UserError(`deployment ${name} not found in namespace ${namespace}`);
  const [first, ...others] = structuredClone(target.spec.template.spec.containers);
  change(first);
  const before = traffic.totals();
  const journey = watchPhases(stage, signal);
  await client.kube.mergePatch(ref, { spec: { template: { spec: { containers: [first, ...others] } } } }, {}, signal);
  const redraw = redrawing(stage, signal);
  const { phase, phases } = await journey;
  // The events of this release come before the title of the next.
  await lastWords(events, said, LAST_WORDS[phase] ?? /./, signal);
  await redraw.stop();
  const after = traffic.totals();
  return {
    phase,
    phases,
    why: phase === "Failed" ? whyOf(stage) : "",
    requests: after.requests - before.requests,
    failed: after.failed - before.failed,
    refused: after.refused - before.refused,
    failures: after.failures.slice(before.failures.length),
  };
}

function whyOf({ canaries, namespace, name }: Stage): string {
  const canary = canaries.get(namespace, name);
  return canary === undefined ? "the Canary is gone" : factsOf(canary).what;
}

function lastWords(events: EventFeed, from: number, words: RegExp, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(), EVENT_PATIENCE_MS);
    const look = () => {
      if (
        signal.aborted ||
        events
          .seen()
          .slice(from)
          .some((text) => words.test(text))
      )
        end();
    };
    const stop = events.onMore(look);
    signal.addEventListener("abort", look, { once: true });
    function end(): void {
      clearTimeout(timer);
      stop();
      signal.removeEventListener("abort", look);
      resolve();
    }
    look();
  });
}

/** Follows the Canary out of its rest and back into one. */
function watchPhases(
  { canaries, namespace, name }: Stage,
  signal: AbortSignal,
): Promise<Pick<Outcome, "phase" | "phases">> {
  return new Promise((resolve, reject) => {
    const phases: { phase: string; ms: number }[] = [];
    let current: string | undefined;
    let since = performance.now();
    let begun = false;
    const timeout = setTimeout(
      () =>
        end(() => reject(new UserError(`the rollout did not end within ${PATIENCE_MS / 1000} seconds, see describe`))),
      PATIENCE_MS,
    );
    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    const stop = canaries.onChange(({ object }) => {
      const phase: string = object.status?.phase ?? "";
      if (object.metadata.namespace !== namespace || object.metadata.name !== name || phase === current) return;
      if (current !== undefined && begun) phases.push({ phase: current, ms: performance.now() - since });
      since = performance.now();
      current = phase;
      begun ||= phase === "Progressing" || phase === "Waiting";
      if (begun && (phase === "Succeeded" || phase === "Failed")) end(() => resolve({ phase, phases }));
    });
    function end(settle: () => void): void {
      clearTimeout(timeout);
      signal.removeEventListener("abort", abort);
      // The listener may be called before `onChange` has returned.
      queueMicrotask(() => stop());
      settle();
    }
  });
}

/** Draws the scene at a steady pace: measurements have no events of their own. */
function redrawing(stage: Stage, signal: AbortSignal): { stop(): Promise<void> } {
  const ended = new AbortController();
  const running = (async () => {
    while (!ended.signal.aborted) {
      stage.view.scene(await sceneOf(stage, signal));
      await systemClock.sleep(REDRAW_MS, ended.signal).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      ended.abort();
      await running;
      stage.view.scene(await sceneOf(stage, signal));
      stage.view.end();
    },
  };
}

async function sceneOf(stage: Stage, signal: AbortSignal): Promise<Scene> {
  const { canaries, namespace, name, traffic, events } = stage;
  const nothing: Measured = { successRate: undefined, latencyMs: undefined };
  // The picture goes on when Prometheus does not answer: the operator's own checks decide, not this view.
  const measure = (target: string) => stage.measure(target, namespace, signal).catch(() => nothing);
  const [primary, canary] = await Promise.all([measure(`${name}-primary`), measure(name)]);
  const status = canaries.get(namespace, name)?.status ?? {};
  const weight: number = status.canaryWeight ?? 0;
  const { requests, failed } = traffic.totals();
  return {
    phase: status.phase ?? "",
    check: events.seen().at(-1) ?? "",
    primary: { name: "primary", weight: 100 - weight, ...primary },
    canary: { name: "canary", weight, ...canary },
    requests,
    failed,
  };
}
