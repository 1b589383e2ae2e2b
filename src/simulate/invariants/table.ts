/** All rules. docs/reference/invariants.md is generated from this table. */
import type { Universe, Watcher } from "../watcher.ts";
import { boundedRestarts, servicesServe } from "./bounds.ts";
import { testedConfigs } from "./configs.ts";
import { aCopyRemains, scalersFollow } from "./copies.ts";
import {
  everyRunEnds,
  noRevisionLost,
  nothingGrows,
  nothingWrittenForNothing,
  promotedIsRunning,
  rightVerdict,
  turnsDoNotBreak,
  waitsAreExplained,
} from "./ending.ts";
import type { Invariant, Violation } from "./invariant.ts";
import { handsOff } from "./objects.ts";
import { anActionActsOnce, anOverrideIsForOneFreeze, aPauseHolds, onlyWithTheRight } from "./people.ts";
import { onlyArrows, primaryJudged, wholePlan } from "./plan.ts";
import { noNeedlessRefusals, servicesSelect } from "./refusals.ts";
import {
  alwaysServed,
  initializedIsRouted,
  routesAsPromised,
  splitSaidRightly,
  trafficNeedsPods,
  weightsSum,
} from "./traffic.ts";
import { visitorsStay } from "./visitors.ts";

export const INVARIANTS: readonly Invariant[] = [
  weightsSum,
  trafficNeedsPods,
  alwaysServed,
  noNeedlessRefusals,
  routesAsPromised,
  splitSaidRightly,
  initializedIsRouted,
  aCopyRemains,
  scalersFollow,
  visitorsStay,
  onlyArrows,
  boundedRestarts,
  servicesServe,
  servicesSelect,
  wholePlan,
  primaryJudged,
  testedConfigs,
  rightVerdict,
  promotedIsRunning,
  noRevisionLost,
  handsOff,
  everyRunEnds,
  waitsAreExplained,
  nothingGrows,
  nothingWrittenForNothing,
  turnsDoNotBreak,
  anActionActsOnce,
  onlyWithTheRight,
  aPauseHolds,
  anOverrideIsForOneFreeze,
];

/** Watchers that add every broken rule to `found`, each at most once. */
export function watchInvariants(found: Violation[]): readonly ((universe: Universe) => Watcher)[] {
  return INVARIANTS.map(({ name, watch }) => (universe: Universe) => {
    let reported = false;
    return watch(universe, (text) => {
      if (reported) return;
      reported = true;
      const { schedule } = universe;
      found.push({ invariant: name, at: schedule.now() - (universe.releasedAt() ?? schedule.now()), text });
    });
  });
}
