/**
 * Which records go. Whole runs go, never parts of them: per Canary the latest that were promoted and the latest that
 * were not are kept, and after a time all others go. The last promotion and the last failure always stay.
 */
import { type KubeFields, type KubeObject, metadataPart } from "../../ports/kubernetes.ts";
import { VERDICT_LABEL } from "../../ports/steering.ts";

export interface Retention {
  /** Per Canary: so many runs that were promoted, and as many that were not. */
  readonly runs: number;
  readonly days: number;
  /** In one namespace, of all its Canaries together. */
  readonly total: number;
}

export const DEFAULT_RETENTION: Retention = { runs: 5, days: 90, total: 2_000 };

/** What `outdated` reads of a record. A namespace may hold thousands of them, and others may write them as large. */
export function datedPart(run: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, spec } = run;
  const verdict = metadata.labels?.[VERDICT_LABEL];
  return {
    ...{ apiVersion, kind },
    metadata: {
      ...metadataPart(run, "namespace", "creationTimestamp"),
      ...(verdict === undefined ? {} : { labels: { [VERDICT_LABEL]: verdict } }),
    },
    spec: { canary: spec?.canary, startedAt: spec?.startedAt },
  };
}

const DAY_MS = 86_400_000;

/** @param runs in any order @returns those to be deleted, oldest first */
export function outdated(runs: readonly KubeObject[], keep: Retention, now: number): readonly KubeObject[] {
  // A namespace may hold thousands: each time is read once.
  const starts = new Map(runs.map((run) => [run, startOf(run)]));
  const startedAt = (run: KubeObject): number => starts.get(run) ?? 0;
  const newestFirst = [...runs].sort((a, b) => startedAt(b) - startedAt(a));
  const byKind = grouped(newestFirst);
  const go = new Set<KubeObject>();
  for (const [kind, ofKind] of byKind) {
    // A run that is under way stays, and so does the latest of each kind, at any age.
    const most = kind.endsWith(" running") ? Number.POSITIVE_INFINITY : keep.runs;
    for (const [i, run] of ofKind.entries()) {
      if (i > 0 && (i >= most || startedAt(run) < now - keep.days * DAY_MS)) go.add(run);
    }
  }
  const oldestFirst = newestFirst.filter((run) => !go.has(run)).reverse();
  const isLast = new Set([...byKind.values()].map(([last]) => last));
  const tooMany = Math.max(0, oldestFirst.length - keep.total);
  const spare = oldestFirst.filter((run) => !isLast.has(run) && verdictOf(run) !== "running");
  const promotedFirst = [...spare].sort((a, b) => Number(wasPromoted(b)) - Number(wasPromoted(a)));
  for (const run of promotedFirst.slice(0, tooMany)) go.add(run);
  return [...newestFirst].reverse().filter((run) => go.has(run));
}

function grouped(runs: readonly KubeObject[]): ReadonlyMap<string, readonly KubeObject[]> {
  const groups = new Map<string, KubeObject[]>();
  for (const run of runs) {
    const kind = kindOf(run);
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [run]);
    else group.push(run);
  }
  return groups;
}

function kindOf(run: KubeObject): string {
  const { namespace = "" } = run.metadata;
  const verdict = verdictOf(run);
  const kind = verdict === "promoted" || verdict === "running" ? verdict : "failed";
  return `${namespace}/${run.spec?.canary ?? ""} ${kind}`;
}

const verdictOf = ({ metadata }: KubeObject): string => metadata.labels?.[VERDICT_LABEL] ?? "";
const wasPromoted = (run: KubeObject): boolean => verdictOf(run) === "promoted";
const startOf = ({ spec, metadata }: KubeFields): number =>
  Date.parse(spec?.startedAt ?? metadata?.creationTimestamp ?? "") || 0;
