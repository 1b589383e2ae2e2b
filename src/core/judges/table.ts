/**
 * All judges. A new judge is a file beside this one and a row here: the CRD's enum and the parser derive from the
 * table.
 */
import type { Metric } from "../spec/spec.ts";
import type { Judge } from "./judge.ts";
import { thresholds } from "./thresholds.ts";

/** Every judge, by the name that a metric gives. */
export const JUDGES: Readonly<Record<string, Judge>> = { thresholds };

/** The judge of a metric that names none. */
export const DEFAULT_JUDGE = thresholds;

/** @throws Error for a name that is not in the table; the parser refuses such a Canary */
export function judgeOf({ judge = DEFAULT_JUDGE.name }: Pick<Metric, "judge">, judges = JUDGES): Judge {
  const found = Object.hasOwn(judges, judge) ? judges[judge] : undefined;
  if (found === undefined) throw new Error(`no judge is called "${judge}"`);
  return found;
}
