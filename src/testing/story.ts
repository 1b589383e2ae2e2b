/**
 * Plays the core alone against a world that is described in a few words, in virtual time, and prints what happened. One
 * line per turn: seconds since the start, phase, weights, events.
 */

import { type DesiredState, desired, nextTurnAt } from "../core/desired.ts";
import type { Action, Freeze, Verb } from "../core/people/steering.ts";
import { type Capabilities, planFor } from "../core/plan/plan.ts";
import { routesFor } from "../core/routes.ts";
import type { CanaryStatus, Revision, Routes } from "../core/status/canary.ts";
import { type Situation, type TakenTurn, takeTurnWith } from "../core/take-turn.ts";
import { promotionId } from "../core/turn/identity.ts";
import type { Answer, PreviousReading, Probe, Readiness, Readings } from "../core/turn/observation.ts";
import type { Transition } from "../core/turn/turn.ts";
import { aCanary, type CanaryParts } from "./canary.ts";

export const MESH: Capabilities = { weights: true, mirror: true, headerMatch: true, sessionAffinity: true };
export const PLAIN: Capabilities = { weights: false, mirror: false, headerMatch: false, sessionAffinity: false };

/** The world of a story; the story's script changes it between turns. */
export interface StoryWorld {
  revision: Revision;
  canary: Readiness;
  primary: Readiness;
  canaryAvailable: number;
  primaryAvailable: number;
  /** All pods of the primary are replaced at once. */
  gap: boolean;
  /** The answer to a probe; everything passes by default. */
  answer: (probe: Probe, now: number) => Answer;
  deleting: boolean;
  /** `spec.suspend`. */
  suspended: boolean;
  /** A problem during which the rollout goes on. */
  warning: string | undefined;
  /** What keeps pods from starting. */
  trouble?: string;
  routesInForce: boolean;
  /** When the operator wrote the routes; undefined: at once. */
  routesSince: number | undefined;
  /** Pods of a target that was scaled down are still said to be available. */
  lingers: boolean;
  /** Configuration of earlier revisions that is not kept. */
  changedConfigs: readonly string[];
  /** Called when the primary gets a new template, before the next turn. */
  onPromoted: () => void;
  /** Called when the primary gets its last template back. */
  onRestored: () => void;
  freeze?: Freeze | undefined;
}

export interface StoryTurn extends TakenTurn {
  readonly routes: Routes | undefined;
}

export interface Story {
  /** The events, one line for each turn in which something happened. */
  readonly timeline: string[];
  status: CanaryStatus;
  now: number;
  readonly world: StoryWorld;
  /** Every probe so far, as "type name" or "metric name". */
  readonly asked: string[];
  /** A person acts; a later turn answers. */
  act(verb: Verb, parts?: Partial<Action>): void;
  /** Every turn that was taken so far. */
  readonly turns: readonly StoryTurn[];
  /** The results of all actions so far, as "outcome: message". */
  readonly answers: string[];
  /** Every alert so far, as "severity message". */
  readonly alerts: string[];
  /** Takes turns until nothing more happens by itself in the next `seconds`. */
  run(seconds: number): void;
}

/**
 * The decision in a situation that needs no probes.
 * @throws Error when the core asks for a probe
 */
export function decided(situation: Situation): Transition {
  const refuse = (probe: Probe): Answer => {
    throw new Error(`asked ${describe(probe)}`);
  };
  return takeTurnWith(situation, refuse).transition;
}

const READY: Readiness = { kind: "ready" };
const START = Date.UTC(2026, 0, 1);
const MAX_TURNS = 2_000;

export function tell(parts: CanaryParts = {}, router: Capabilities = MESH): Story {
  const canary = aCanary(parts);
  const plan = planFor(canary.spec, router);
  let primaryId: string | undefined;
  let previous: PreviousReading | undefined;
  /** What the primary ran before that, the latest first. */
  let earlier: readonly PreviousReading[] = [];
  let primaryRun: string | undefined;
  let primaryExists = false;
  let scaledDown = false;
  const world: StoryWorld = {
    revision: { spec: "v1" },
    canary: READY,
    primary: READY,
    canaryAvailable: 1,
    primaryAvailable: 1,
    gap: false,
    answer: () => ({ kind: "passed" }),
    deleting: false,
    suspended: canary.spec.suspend,
    warning: undefined,
    routesInForce: true,
    routesSince: undefined,
    lingers: false,
    changedConfigs: [],
    onPromoted: () => {},
    onRestored: () => {},
  };
  const taken: StoryTurn[] = [];
  const story: Story = {
    timeline: [],
    status: canary.status,
    now: START,
    world,
    asked: [],
    alerts: [],
    answers: [],
    turns: taken,
    act,
    run,
  };
  let pending: readonly Action[] = [];

  function readings(): Readings {
    return {
      target: {
        revision: world.revision,
        readiness: world.canary,
        available: scaledDown && !world.lingers ? 0 : world.canaryAvailable,
        scaledDown,
      },
      primary: {
        exists: primaryExists,
        readiness: world.primary,
        available: world.primaryAvailable,
        ...(primaryId === undefined ? {} : { promotionId: primaryId }),
        ...(primaryRun === undefined ? {} : { run: primaryRun }),
        ...(previous === undefined ? {} : { previous }),
        earlier: earlier.map((one) => ({ ...one, changedConfigs: world.changedConfigs })),
        ...(world.gap ? { gap: true as const } : {}),
      },
      routesInForce: world.routesInForce,
      ...(world.routesSince === undefined ? {} : { routesSince: world.routesSince }),
      ...(world.warning === undefined ? {} : { warning: world.warning }),
      ...(world.trouble === undefined ? {} : { trouble: world.trouble }),
    };
  }

  function obey(wanted: DesiredState): void {
    if (!wanted.engaged) return;
    // It is copied from the target's revision, and carries its name.
    if (!primaryExists) primaryId = promotionId(canary.uid, world.revision);
    primaryExists = true;
    if (wanted.primary.kind === "promoted" && wanted.primary.revision.spec === world.revision.spec) {
      if (primaryId !== wanted.primary.id) {
        world.onPromoted();
        const { promotedSpec: spec, run } = story.status;
        if (previous !== undefined) earlier = [previous, ...earlier];
        if (primaryId !== undefined) {
          previous = { spec, promotionId: primaryId, ...(primaryRun === undefined ? {} : { run: primaryRun }) };
        }
        primaryRun = run?.id;
      }
      primaryId = wanted.primary.id;
    }
    if (wanted.primary.kind === "restored" && primaryId === wanted.primary.from) {
      const { to } = wanted.primary;
      const at = earlier.findIndex(({ promotionId: id }) => id === to);
      const back = to === undefined ? previous : earlier[at];
      if (to !== undefined) earlier = earlier.slice(at + 1);
      primaryId = back?.promotionId;
      primaryRun = back?.run;
      previous = undefined;
      world.onRestored();
    }
    if (wanted.target !== "as-is") scaledDown = wanted.target === "down";
  }

  function turn(): boolean {
    const seen = readings();
    const { ref, uid } = canary;
    const spec = { ...canary.spec, suspend: world.suspended };
    const situation = {
      ...{ ref, uid, spec, plan, status: story.status, now: story.now, deleting: world.deleting, readings: seen },
      alertsDelivered: story.status.owedAlerts.length,
      actions: pending,
      ...(world.freeze === undefined ? {} : { freeze: world.freeze }),
    };
    const { input, transition, unasked } = takeTurnWith(situation, (probe) => {
      story.asked.push(probe.kind === "hook" ? `${probe.type} ${probe.hook.name}` : describe(probe));
      return world.answer(probe, story.now);
    });
    const { status, events, answered = [] } = transition;
    pending = pending.filter(({ id }) => answered.every((answer) => answer.id !== id));
    story.answers.push(...answered.map(({ outcome, message }) => `${outcome}: ${message}`));
    const before = JSON.stringify([story.status, primaryId, scaledDown, primaryExists]);
    const seconds = (story.now - START) / 1000;
    const routes = routesFor(plan, status);
    const split = routes === undefined ? "-" : `${routes.primary}/${routes.canary}${routes.mirror ? "m" : ""}`;
    taken.push({ input, transition, routes, ...(unasked === undefined ? {} : { unasked }) });
    for (const { message } of events) story.timeline.push(`${seconds}s ${status.phase} ${split} ${message}`);
    story.alerts.push(...status.owedAlerts.map(({ severity, message }) => `${severity} ${message}`));
    story.status = status;
    obey(desired({ uid, plan, suspended: spec.suspend }, status));
    return answered.length > 0 || JSON.stringify([story.status, primaryId, scaledDown, primaryExists]) !== before;
  }

  function act(verb: Verb, parts: Partial<Action> = {}): void {
    const id = `action-${pending.length + story.answers.length}`;
    const times = { at: story.now, expiresAt: story.now + 600_000 };
    pending = [...pending, { id, name: id, verb, by: "alice", ...times, expect: {}, ...parts }];
  }

  function run(seconds: number): void {
    const until = story.now + seconds * 1000;
    for (let turns = 0; turns < MAX_TURNS; turns += 1) {
      if (turn()) continue;
      const next = nextTurnAt(taken.at(-1)?.transition ?? story, story.now);
      if (next === undefined || next > until) {
        story.now = until;
        return;
      }
      story.now = next;
    }
    throw new Error(
      `the story did not come to rest within ${MAX_TURNS} turns:\n${story.timeline.slice(-20).join("\n")}`,
    );
  }
  return story;
}

function describe(probe: Probe): string {
  return probe.kind === "metric" ? `${probe.source} ${probe.metric.name}` : probe.kind;
}

/** A Canary that was initialised, with a second revision in its target. The timeline begins there. */
export function released(...args: Parameters<typeof tell>): Story {
  const story = tell(...args);
  story.run(60);
  story.timeline.length = 0;
  story.alerts.length = 0;
  story.world.revision = { spec: "v2" };
  return story;
}
