/** Users are refused only when no copy can serve them. */
import { RESOURCES } from "../../ports/kubernetes.ts";
import type { Span } from "../traffic.ts";
import type { Universe, Watcher } from "../watcher.ts";
import { type Invariant, SETTLING_MS, usersDo } from "./invariant.ts";

/**
 * A crash or a node that fails is noticed, and the routes are written and followed, within this time in good weather.
 */
const NOTICED_MS = 10_000;
/** A Service is written within this time after its pods are there. */
const WRITTEN_MS = 3_000;

export const noNeedlessRefusals: Invariant = {
  name: "no-needless-refusals",
  rule:
    "No request is refused for longer than ten seconds while the primary, or a canary that has users or has passed its " +
    "analysis, could serve it. Bad weather and people may make that longer once.",
  why: "A copy that loses its pods must lose its traffic, for any reason.",
  watch: (universe, report) =>
    longestUndisturbed(
      universe,
      NOTICED_MS,
      ({ traffic }) => traffic.needless,
      (seconds) => report(`requests were refused for ${seconds} s while another copy could have answered`),
    ),
};

export const servicesSelect: Invariant = {
  name: "services-select",
  rule: "A Service that has users selects a pod that can serve, as long as its copy has one.",
  why: "A selector that no pod carries makes an outage beside pods that are ready.",
  watch: (universe, report) =>
    longestUndisturbed(
      universe,
      WRITTEN_MS,
      ({ traffic }) => traffic.unselected,
      (seconds) =>
        report(`users found no pod for ${seconds} s, because their Service selects none of those that could serve`),
    ),
};

/** Counts anew from every fault, and from everything that people do. */
function longestUndisturbed(
  universe: Universe,
  allowedMs: number,
  spansOf: (universe: Universe) => readonly Span[],
  exceeded: (seconds: number) => void,
): Watcher {
  const interferences: number[] = [];
  let isStormy = false;
  let engagedAt = Number.POSITIVE_INFINITY;
  const interfere = () => void interferences.push(universe.schedule.now());
  const storm = () => {
    isStormy = true;
    interfere();
  };
  return {
    fault: storm,
    turn({ routes }) {
      // Before it has routes, the Canary changes nothing for users.
      if (routes !== undefined) engagedAt = Math.min(engagedAt, universe.schedule.now());
    },
    disturbed: storm,
    acted: interfere,
    end() {
      const { scenario } = universe;
      if (isHandsOff(universe)) return;
      // In bad weather watches are late or deaf, too, and the operator starts again.
      const most = (isStormy ? SETTLING_MS : 0) + allowedMs + scenario.meshLagMs;
      const spans = spansOf(universe).filter(({ to }) => to > engagedAt);
      const pieces = spans.flatMap(({ from, to }) => cut({ from: Math.max(from, engagedAt), to }, interferences));
      const longest = Math.max(0, ...pieces.map(({ from, to }) => to - from));
      if (longest > most) exceeded(Math.round(longest / 1000));
    },
  };
}

/** Nothing is expected of a Canary that is held or gone, nor of Services whose pods the operator does not see. */
function isHandsOff({ scenario }: Universe): boolean {
  const { target, users } = scenario;
  if (target.kind === RESOURCES.service.kind || usersDo(scenario, "delete-canary")) return true;
  return users.some((action) => action.kind === "edit-canary" && action.spec.suspend === true);
}

function cut({ from, to }: Span, at: readonly number[]): readonly Span[] {
  const inside = at.filter((time) => time > from && time < to);
  const ends = [from, ...inside, to];
  return ends.slice(1).map((end, i) => ({ from: ends[i] ?? from, to: end }));
}
