/** What people ask for: once, with the right, and a pause holds. */
import { liftedBy } from "../../core/people/override.ts";
import { isRunning } from "../../core/phases/table.ts";
import { type KubeFields, RESOURCES } from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";
import { RIGHTS } from "../people.ts";
import type { Click } from "../scenario.ts";
import { type Invariant, usersDo } from "./invariant.ts";

export const anActionActsOnce: Invariant = {
  name: "an-action-acts-once",
  rule: "A CanaryAction changes the stored status of its Canary once at most, and is answered.",
  why: "A click that acts twice skips a step, or rolls back the run after the one that was meant.",
  watch({ api, scenario }, report) {
    if (!usersDo(scenario, "steer")) return {};
    const applied = new Set<string>();
    api.onChange(({ kind, object, old, by }) => {
      if (kind !== RESOURCES.canary || by !== "operator") return;
      const id: string | undefined = object.status?.aviary?.acted?.id;
      if (id === undefined || id === old?.status?.aviary?.acted?.id) return;
      if (applied.has(id)) report(`the action ${id} acted again`);
      applied.add(id);
    });
    return {
      end({ rested }) {
        if (!rested) return;
        for (const { metadata, status } of api.list(STEERING.action)) {
          if (applied.has(metadata.uid ?? "") && status?.phase !== undefined && status.phase !== "Applied") {
            report(`${metadata.name} was applied and answered as ${status.phase}`);
          }
        }
      },
    };
  },
};

export const onlyWithTheRight: Invariant = {
  name: "only-with-the-right",
  rule: "An action is applied only when the API server admitted it, as it was asked for, and its person has the right to its verb.",
  why: "A console or a command line that acts for everybody is a way around the rights of the cluster.",
  watch({ api, scenario }, report) {
    if (!usersDo(scenario, "steer")) return {};
    return {
      turn({ input, transition }) {
        for (const { id, outcome } of transition.answered ?? []) {
          if (outcome !== "applied") continue;
          const asked = api.list(STEERING.action).find(({ metadata }) => metadata.uid === id);
          const { by, verb } = (asked?.spec ?? {}) as KubeFields;
          if (asked !== undefined && !RIGHTS[by as Click["by"]]?.includes(verb)) report(`${by} did ${verb}`);
          const done = input.actions?.find((action) => action.id === id);
          if (done === undefined) report(`an action ${id} that was not asked for was applied`);
          else if (asked !== undefined && (done.verb !== verb || done.by !== by)) {
            report(`${by} asked for ${verb}, and ${done.verb} of ${done.by} was done`);
          }
        }
      },
    };
  },
};

export const aPauseHolds: Invariant = {
  name: "a-pause-holds",
  rule: "While a run is paused it enters no further step and no promotion; it may only stay, lose traffic or roll back.",
  why: "Who pauses a release looks at it, and must find it where it was.",
  watch({ api, scenario }, report) {
    if (!usersDo(scenario, "steer")) return {};
    api.onChange(({ kind, object, old, by }) => {
      if (kind !== RESOURCES.canary || by !== "operator" || old === undefined) return;
      const [before, after] = [old.status ?? {}, object.status ?? {}];
      const held = before.aviary?.paused;
      // A pause that ended by its time, or by a person, is over in what is written then.
      if (held === undefined || after.aviary?.paused?.at !== held.at) return;
      if (before.lastAppliedSpec !== after.lastAppliedSpec) return;
      const [from, to] = [before.aviary?.step ?? 0, after.aviary?.step ?? 0];
      if (before.phase === after.phase && to > from) report(`from step ${from} to ${to} while paused`);
      const onward = FORWARD[before.phase] ?? [];
      if (onward.includes(after.phase)) report(`from ${before.phase} to ${after.phase} while paused`);
    });
    return {};
  },
};

export const anOverrideIsForOneFreeze: Invariant = {
  name: "an-override-is-for-one-freeze",
  rule: "While a freeze is in force no run begins, and none that it holds goes on, unless a person overrode it for that revision.",
  why: "A fix that may go out in spite of the sale is no leave for the next release, nor for the next freeze.",
  watch({ scenario }, report) {
    if (!usersDo(scenario, "freeze")) return {};
    return {
      turn({ input, transition }) {
        const { freeze, status: before } = input;
        const { status: after, answered = [] } = transition;
        if (freeze === undefined || answered.some(({ outcome }) => outcome === "applied")) return;
        const lifted = before.override;
        const revision = isRunning(after.phase) ? after.applied : undefined;
        const isLifted = liftedBy(lifted).includes(freeze.name) && revision?.spec === lifted?.revision.spec;
        if (isLifted) return;
        if (isResting(before.phase) && isRunning(after.phase)) report(`a run begins while ${freeze.name} is in force`);
        if (freeze.runs !== "hold" || before.phase !== "Progressing") return;
        const [from, to] = [before.step, "step" in after ? after.step : 0];
        if (from > 0 && after.phase === "Progressing" && after.applied?.spec === before.applied?.spec && to > from) {
          report(`from step ${from} to ${to} while ${freeze.name} holds the run`);
        }
        if (after.phase === "Promoting") report(`the promotion begins while ${freeze.name} holds the run`);
      },
    };
  },
};

const isResting = (phase: string): boolean => ["Initialized", "Succeeded", "Failed"].includes(phase);

const FORWARD: Readonly<Record<string, readonly string[]>> = {
  Waiting: ["Progressing"],
  Progressing: ["WaitingPromotion", "Promoting", "Succeeded"],
  WaitingPromotion: ["Promoting", "Succeeded"],
  Promoting: ["Finalising", "Succeeded"],
};
