/**
 * What the console keeps in memory of the cluster's objects. One watch for all people feeds it, so that a page costs
 * the API server no list. Of each release on record only the part that lists and figures show is kept: about 1 KB of up
 * to 64 KB.
 */
import type { Clock } from "../ports/clock.ts";
import type { ObjectCache } from "../ports/kube.ts";
import { type KubeFields, type KubeObject, metadataPart, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import type { Console, Listed } from "./route.ts";
import { imagesIn, objectsIn, textIn } from "./shown.ts";
import { isSketch } from "./sketches.ts";

/** Files the records under "NAMESPACE/CANARY". */
const BY_CANARY = "canary";
const RECORD_INDEXERS = {
  [BY_CANARY]: ({ metadata, spec }: KubeObject) => [`${metadata.namespace ?? ""}/${String(spec?.canary)}`],
};

/** What the caches of the console keep of each kind. How much they keep of each namespace: cli/serve-console.ts. */
export const KEPT = {
  part: (type: ResourceType) =>
    type === STEERING.run ? recordPart : type === RESOURCES.canary ? canaryPart : undefined,
  indexers: (type: ResourceType) => (type === STEERING.run ? RECORD_INDEXERS : {}),
};

const PATIENCE_MS = 5000;

/**
 * @param canary only its records; all when absent.
 * @returns what is in memory; waits for the first list for five seconds
 */
export async function recordsOf(
  { runs, clock, signal }: { readonly runs: ObjectCache; readonly clock: Clock; readonly signal: AbortSignal },
  namespace: string,
  canary?: string,
): Promise<Listed> {
  const waited = new AbortController();
  const patience = clock.sleep(PATIENCE_MS, AbortSignal.any([signal, waited.signal])).catch(() => undefined);
  const denied = runs.denied ?? new Promise<never>(() => undefined);
  await Promise.race([runs.synced, denied, patience]).finally(() => waited.abort());
  const { absent, trouble } = runs;
  const objects =
    canary === undefined
      ? runs.list(namespace)
      : namespace === ""
        ? runs.list().filter(({ spec }) => spec?.canary === canary)
        : runs.byIndex(BY_CANARY, `${namespace}/${canary}`);
  return { objects, installed: !absent, ...(trouble === undefined ? {} : { trouble }) };
}

/** How often a check was asked in one release, and how often it failed. */
export interface Tally {
  readonly check: string;
  readonly asked: number;
  readonly failed: number;
}

/** The part of a CanaryRun that the console keeps. `status.tallies` stands for `status.checks`. */
export function recordPart(run: KubeObject): KubeObject {
  const { apiVersion, kind, spec, status } = run;
  const { canary, startedAt, images } = spec ?? {};
  const { verdict, sentence, endedAt, people } = status ?? {};
  const by = objectsIn<KubeFields>(people).map((person) => ({ by: textIn(person["by"]) }));
  return {
    ...{ apiVersion, kind },
    metadata: metadataPart(run, "namespace", "uid", "resourceVersion"),
    spec: { canary: textIn(canary), startedAt: textIn(startedAt), images: imagesIn(images) },
    status: {
      ...{ verdict: textIn(verdict), sentence: textIn(sentence), people: by, tallies: talliesOf(status?.checks) },
      ...(endedAt === undefined ? {} : { endedAt: textIn(endedAt) }),
    },
  };
}

/** A Canary has a hundred metrics and webhooks at most. */
const MOST_CHECKS = 200;

function talliesOf(checks: unknown): readonly Tally[] {
  const found = new Map<string, { asked: number; failed: number }>();
  for (const asked of objectsIn<KubeFields>(checks)) {
    const check = textIn(asked["check"]);
    const counts = found.get(check) ?? { asked: 0, failed: 0 };
    if (found.size >= MOST_CHECKS && !found.has(check)) continue;
    counts.asked += 1;
    if (asked["passed"] !== true) counts.failed += 1;
    found.set(check, counts);
  }
  return [...found].map(([check, counts]) => ({ check, ...counts }));
}

/** Whole, also when the console does not keep it. @returns undefined: there is none */
export async function canaryIn(
  { canaries, client, signal }: Pick<Console, "canaries" | "client" | "signal">,
  namespace: string,
  name: string,
): Promise<KubeObject | undefined> {
  const known = canaries.get(namespace, name);
  if (known === undefined || !isSketch(known)) return known;
  return await client.kube.get({ type: RESOURCES.canary, namespace, name }, signal);
}

const LONGEST_ANNOTATION = 4096;

/** A Canary without long annotations: `kubectl apply` repeats the whole object in one, and no page shows them. */
export function canaryPart(canary: KubeObject): KubeObject {
  const { annotations } = canary.metadata;
  if (annotations === undefined) return canary;
  const short = Object.entries(annotations).filter(([, value]) => String(value).length <= LONGEST_ANNOTATION);
  return { ...canary, metadata: { ...canary.metadata, annotations: Object.fromEntries(short) } };
}
