/** A freeze does not count for the revision for which a person has overridden the freeze. Other freezes count. */

import { isRunning } from "../phases/table.ts";
import { sameRevision } from "../run/change.ts";
import type { Override } from "../status/canary.ts";
import type { DecisionInput } from "../turn/turn.ts";

/** @returns the names of the freezes that an override lifts */
export const liftedBy = (override: Override | undefined): readonly string[] =>
  override === undefined ? [] : [override.freeze, ...(override.also ?? [])];

/**
 * @returns the input without its freeze, when the override is for this freeze and revision; without the override, when
 *   another revision has come since
 */
export function withoutOverriddenFreeze(input: DecisionInput): DecisionInput {
  const { override, ...status } = input.status;
  if (override === undefined) return input;
  const { target } = input.observation.readings;
  const revision = isRunning(status.phase) ? (status.applied ?? target.revision) : target.revision;
  if (!sameRevision(override.revision, revision)) return { ...input, status };
  const { freeze, ...rest } = input;
  return freeze === undefined || liftedBy(override).includes(freeze.name) ? rest : input;
}
