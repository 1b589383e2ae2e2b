/** The freeze that is in force for a Canary: the status tells only of one that keeps a release from beginning. */

import { liftedBy } from "../../core/people/override.ts";
import type { Freeze } from "../../core/people/steering.ts";
import type { Override } from "../../core/status/canary.ts";
import { frozenBy, scopeOf } from "../../operator/steering/freezes.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { RUNNING } from "./facts.ts";

/**
 * @param freezes of all namespaces: a freeze of scope `cluster` counts in the operator's namespace, which only the
 *   operator knows
 * @returns undefined when there is none that a person has not overridden
 */
export function freezeInForce(canary: KubeObject, freezes: readonly KubeObject[], now: number): Freeze | undefined {
  const { namespace = "", name, labels = {} } = canary.metadata;
  const override: Override | undefined = canary.status?.aviary?.override;
  const lifted = liftedBy(override);
  const list = (from?: string) =>
    freezes.filter((object) => (scopeOf(object) === "cluster" ? from === "" : object.metadata.namespace === from));
  const { freeze } = frozenBy({ namespace, name }, labels, { list }, "", now, lifted);
  return freeze === undefined || lifted.includes(freeze.name) ? undefined : freeze;
}

/** @returns the freeze when it holds the run that is under way */
export function holderOf(phase: string, freeze: Freeze | undefined): Freeze | undefined {
  return RUNNING.includes(phase) && freeze?.runs === "hold" ? freeze : undefined;
}

export function heldText({ name, by, reason, until }: Freeze): string {
  const end = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
  const why = reason ? `: "${reason}"` : "";
  return `held by the freeze ${name} of ${by}${end}${why}; checks go on and still roll back`;
}
