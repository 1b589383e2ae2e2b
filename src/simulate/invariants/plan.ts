/** What is promoted, and the arrows by which a status gets there. */

import type { Phase } from "../../core/phases/positions.ts";
import { TRANSITIONS } from "../../core/phases/table.ts";
import type { Plan } from "../../core/plan/plan.ts";
import type { HookType } from "../../core/spec/spec.ts";
import type { Revision } from "../../core/status/canary.ts";
import { failureOf } from "../../core/turn/checks.ts";
import { promotionId } from "../../core/turn/identity.ts";
import { BUILT_IN_METRICS } from "../../core/turn/probes.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { windowMs } from "../questions.ts";
import type { Universe, Watcher } from "../watcher.ts";
import { type Invariant, imagesByHash, type Report } from "./invariant.ts";

export const onlyArrows: Invariant = {
  name: "only-arrows",
  rule: "A stored status only takes arrows of TRANSITIONS.",
  why: "Tools and people rely on the phases and their order; a skipped phase is work that was not done.",
  watch({ api }, report) {
    api.onChange(({ kind, object, old, by }) => {
      if (kind !== RESOURCES.canary || by !== "operator") return;
      const from = (old?.status?.phase ?? "") as Phase;
      const to = (object.status?.phase ?? "") as Phase;
      if (from !== to && !TRANSITIONS[from].includes(to)) report(`from "${from}" to "${to}"`);
    });
    return {};
  },
};

export const wholePlan: Invariant = {
  name: "whole-plan",
  rule: "Only a revision that was held at every step, and passed every check and gate, is copied to the primary.",
  why: "That is what progressive delivery is for.",
  watch: (universe, report) => createJudge(universe, report),
};

export const primaryJudged: Invariant = {
  name: "primary-judged",
  rule:
    "While the primary takes over in steps, it gets more traffic only after the built-in checks of its answers at its " +
    "present weight have passed, or after a whole window without requests to it.",
  why: "A tested revision may still fail when it takes over, and then few users should notice.",
  watch: (_universe, report) => {
    // A clock that is set back makes every shift lie in the future.
    let isSetBack = false;
    return {
      disturbed: (text) => {
        isSetBack ||= text.includes("clock");
      },
      turn({ input, transition }) {
        if (isSetBack) return;
        const { status: before, spec, observation, now } = input;
        const after = transition.status;
        if (before.phase !== "Promoting" || before.skipping || before.primaryWeight === 0) return;
        const grew =
          after.phase === "Finalising" || (after.phase === "Promoting" && after.primaryWeight > before.primaryWeight);
        if (!grew) return;
        const age = now - (before.shiftedAt ?? now - spec.analysis.intervalMs);
        for (const { name, interval } of spec.analysis.metrics.filter(isBuiltIn)) {
          const asked = observation.answers.find(({ probe }) => probe.kind === "metric" && probe.metric.name === name);
          if (asked?.probe.kind !== "metric")
            return report(`${name} was not asked at primary weight ${before.primaryWeight}`);
          if (windowMs(asked.probe.metric.interval) > age) return report(`${name} was asked about older requests`);
          if (
            asked.answer.kind === "no-data" &&
            before.failedSinceShift !== true &&
            (before.shiftedAt === undefined || windowMs(interval) <= age)
          )
            return;
          if (failureOf(asked, input.ref) !== undefined)
            return report(`${name} failed at primary weight ${before.primaryWeight}`);
        }
      },
    };
  },
};

const isBuiltIn = ({ name }: { readonly name: string }) => BUILT_IN_METRICS.includes(name);

/** Between the decision to enter a step and the write that stores it. */
const CALL_MS = 100;

interface RunRecord {
  readonly revision: Revision;
  /** The Canary's spec was edited since: the plan is another one. */
  edited: boolean;
  generation: number;
  step: number;
  enteredAt: number;
  /** The checks that passed since the step was entered: metric names, and hook types with names. */
  readonly passed: Set<string>;
}

function createJudge(universe: Universe, report: Report): Watcher {
  const { api, refs, schedule } = universe;
  const images = imagesByHash(universe);
  const allowed = new Set<string>();
  let record: RunRecord | undefined;
  let plan: Plan | undefined;
  let spec: CanaryStatusSpec | undefined;
  let skewed = false;
  /** An operator that starts with a wrong clock knows the API server's within a second. */
  let errorMs = 0;

  api.onChange(({ kind, object, old, by, type }) => {
    if (by !== "operator") return;
    if (kind === RESOURCES.canary) judgeStatus(old?.status, object.status, object.metadata.generation ?? 0);
    if (kind === refs.primary.type && object.metadata.name === refs.primary.name && type === "modified") {
      judgeCopy(old, object);
    }
  });

  function judgeStatus(before: KubeFields, after: KubeFields, generation: number): void {
    if (after === undefined || after === before) return;
    const revision: Revision = {
      spec: after.lastAppliedSpec ?? "",
      ...(after.trackedConfigs ? { configs: after.trackedConfigs } : {}),
    };
    const id = promotionId(universe.canary()?.metadata.uid ?? "", revision);
    const step = after.aviary?.step ?? 0;
    const now = schedule.now();
    if (after.phase === "Initializing") allowed.add(id);
    if (
      after.phase === "Progressing" &&
      step === 0 &&
      (record === undefined ||
        before?.phase !== "Progressing" ||
        before.aviary?.step > 0 ||
        before.lastAppliedSpec !== after.lastAppliedSpec)
    ) {
      record = { revision, edited: false, generation, step: 0, enteredAt: now, passed: new Set() };
      return;
    }
    if (record === undefined) return;
    // A person who promotes or skips decides instead of the plan.
    const isSteered = before?.aviary?.acted?.id !== after.aviary?.acted?.id;
    record.edited ||= record.generation !== generation || isSteered;
    if (after.phase === "Promoting" && before?.phase !== "Promoting") {
      if (after.aviary?.skipping !== true) judgeEnd(record);
      allowed.add(id);
    } else if ((after.phase === "Progressing" || after.phase === "WaitingPromotion") && step !== record.step) {
      if (!record.edited) judgeStep(record, step);
      record.step = step;
      record.enteredAt = now;
      record.passed.clear();
    }
  }

  function judgeStep(run: RunRecord, step: number): void {
    if (step !== run.step + 1) return report(`the run went from step ${run.step} to step ${step}`);
    if (run.step === 0) return demand(run, hookNames("pre-rollout"), "before the first step");
    judgeHold(run);
  }

  function judgeEnd(run: RunRecord): void {
    if (run.edited) return;
    const steps = plan?.steps.length ?? 0;
    if (run.step !== steps) report(`promoted after step ${run.step} of ${steps}`);
    judgeHold(run);
    demand(run, hookNames("confirm-promotion"), "before the promotion");
  }

  function judgeHold(run: RunRecord): void {
    const held = schedule.now() - run.enteredAt;
    const interval = spec?.analysis.intervalMs ?? 0;
    if (held < interval - CALL_MS - errorMs && !skewed)
      report(`step ${run.step} was held for ${held} ms instead of ${interval} ms`);
    demand(
      run,
      [...(spec?.analysis.metrics.map(({ name }) => name) ?? []), ...hookNames("rollout")],
      `on step ${run.step}`,
    );
  }

  function demand(run: RunRecord, names: readonly string[], where: string): void {
    for (const name of names) if (!run.passed.has(name)) report(`"${name}" did not pass ${where}`);
  }

  const hookNames = (type: HookType) =>
    (spec?.analysis.webhooks ?? []).filter((hook) => hook.type === type).map((hook) => `${type} ${hook.name}`);

  function judgeCopy(before: KubeObject | undefined, after: KubeObject): void {
    const uid = universe.canary()?.metadata.uid ?? "";
    const { id, image } = universe.kind.carried(after, uid, api);
    const last = before === undefined ? undefined : universe.kind.carried(before, uid, api).id;
    // The first primary is created from the existing target.
    if (id === undefined || last === undefined || id === last) return;
    if (!allowed.has(id)) report(`the primary got ${image}, which was never released for it`);
    const tested = record === undefined ? undefined : images.get(record.revision.spec);
    const isTested = record !== undefined && id === promotionId(uid, record.revision);
    if (isTested && tested !== image) report(`${tested} was tested, ${image} was copied`);
  }

  return {
    turn({ input }) {
      ({ plan, spec } = input);
      const { primary } = input.observation.readings;
      // The revision that it runs already may be restored.
      if (primary.promotionId !== undefined) allowed.add(primary.promotionId);
    },
    asked(canary, probe, answer) {
      if (
        probe.kind === "metric-servers" ||
        record === undefined ||
        failureOf({ probe, answer }, canary.ref) !== undefined
      )
        return;
      record.passed.add(probe.kind === "hook" ? `${probe.type} ${probe.hook.name}` : probe.metric.name);
    },
    fault: (fault) => {
      skewed ||= fault === "slow" || fault === "lost-answer";
    },
    disturbed: (text) => {
      skewed ||= text.includes("API server's clock");
      if (text.includes("machine's clock")) errorMs = 1_000;
    },
  };
}

type CanaryStatusSpec = import("../../core/spec/spec.ts").CanarySpec;
