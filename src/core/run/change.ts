/** Is there something new to release? */
import type { CanaryStatus, Revision, StatusCore } from "../status/canary.ts";
import type { Readings } from "../turn/observation.ts";

/**
 * Whether the target's revision differs from the recorded one. A return to the promoted spec is no change, because
 * users roll back by hand that way.
 */
export function revisionChanged(status: Pick<StatusCore, "applied" | "promotedSpec">, now: Revision): boolean {
  return specChanged(status, now.spec) || configsChanged(status.applied?.configs, now.configs);
}

function specChanged({ applied, promotedSpec }: Pick<StatusCore, "applied" | "promotedSpec">, spec: string): boolean {
  if (applied === undefined || applied.spec === "") return true;
  return spec !== promotedSpec && spec !== applied.spec;
}

function configsChanged(recorded: Checksums | undefined, current: Checksums | undefined): boolean {
  return changedConfigs(recorded, current).length > 0;
}

type Checksums = Readonly<Record<string, string>>;

/**
 * Which configs differ from those recorded ("configmap/name": new, changed or no longer referenced), sorted.
 * @param recorded undefined when nothing was ever recorded: any config is a change then
 * @param current undefined when nothing is tracked (any more): that is never a change
 */
export function changedConfigs(recorded: Checksums | undefined, current: Checksums | undefined): readonly string[] {
  if (current === undefined) return [];
  const names = new Set([...Object.keys(current), ...Object.keys(recorded ?? {})]);
  return [...names].filter((name) => current[name] !== recorded?.[name]).sort();
}

/**
 * Releases of Flagger may compute different hashes for the same target, because the hashed layout changes. A different
 * hash is no new revision while the Canary is at rest and its primary runs what the target holds.
 */
export function hasForeignHash(status: CanaryStatus, { target, primary }: Readings): boolean {
  const atRest = status.phase === "Initialized" || status.phase === "Succeeded";
  return (
    atRest &&
    status.foreign === true &&
    primary.carriesTarget === true &&
    status.applied?.spec === status.promotedSpec &&
    specChanged(status, target.revision.spec)
  );
}

/** Whether both are the same revision, configuration included. */
export function sameRevision(a: Revision | undefined, b: Revision): boolean {
  return a !== undefined && a.spec === b.spec && !configsChanged(a.configs, b.configs);
}
