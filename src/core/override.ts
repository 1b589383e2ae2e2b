/** A freeze does not count for the revision for which a person has overridden the freeze. */
import { sameRevision } from "./change.ts";
import { isRunning } from "./phases/table.ts";
import type { AdvanceInput } from "./turn.ts";

/**
 * @returns the input without its freeze, when the override is for this revision; without the override, when another
 *   revision has come since
 */
export function overridden(input: AdvanceInput): AdvanceInput {
  const { override, ...status } = input.status;
  if (override === undefined) return input;
  const { target } = input.observation.readings;
  const revision = isRunning(status.phase) ? (status.applied ?? target.revision) : target.revision;
  if (!sameRevision(override.revision, revision)) return { ...input, status };
  const { freeze: _overridden, ...rest } = input;
  return rest;
}
