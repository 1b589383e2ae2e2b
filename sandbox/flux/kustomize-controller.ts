/**
 * The sandbox's kustomize-controller: applies what each Kustomization names, prunes what it names no longer, and waits
 * for health. Order: suspended? -> dependencies ready? -> source fetched? -> build -> apply -> prune -> health ->
 * status.
 */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import type { ControllerContext } from "../controllers/context.ts";
import { eventRecorder } from "../controllers/events.ts";
import { editStatus, getByKey, keyOf, namespaceOf } from "../controllers/objects.ts";
import { type FluxApi, idOf, type ObjectId } from "./api.ts";
import type { Artifact } from "./git.ts";
import { notReady } from "./health.ts";
import { buildKustomization } from "./kustomize.ts";
import { startLoop } from "./loop.ts";
import { durationMs, GIT_REPOSITORY, isReady, KUSTOMIZATION, REQUESTED_AT, withCondition } from "./types.ts";

const DEFAULT_INTERVAL_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 500;
const FINALIZER = "finalizers.fluxcd.io";
const GROUP = "kustomize.toolkit.fluxcd.io";

interface Outcome {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly revision?: string;
  readonly inventory?: readonly ObjectId[];
  /** Milliseconds until the next look. */
  readonly again: number;
}

export interface KustomizeParts {
  readonly api: FluxApi;
  readonly artifact: (key: string) => Artifact | undefined;
}

export function startKustomizeController(context: ControllerContext, parts: KustomizeParts): { stop(): void } {
  const { cluster, clock, report } = context;
  const events = eventRecorder(cluster, clock, "kustomize-controller");
  const seen = new Map<string, string>();

  const loop = startLoop(
    clock,
    async (key) => {
      const object = getByKey(cluster, KUSTOMIZATION, key);
      if (object === undefined) return undefined;
      if (object.metadata.deletionTimestamp !== undefined) return await finalize(context, parts, object);
      if (object.spec?.suspend === true) return undefined;
      holdWithFinalizer(context, object);
      const outcome = await reconcile(context, parts, object).catch(
        (error: unknown): Outcome => ({
          ...{ status: "False", reason: "ReconciliationFailed" },
          ...{ message: error instanceof Error ? error.message : String(error) },
          again: durationMs(object.spec?.retryInterval, LOOK_AGAIN_MS * 4),
        }),
      );
      const changed = record(context, object, outcome);
      if (changed && outcome.status === "True") events.normal(object, outcome.reason, outcome.message);
      if (changed && outcome.status === "False") events.warning(object, outcome.reason, outcome.message);
      return outcome.again;
    },
    (message) => report(`kustomize-controller: ${message}`),
  );
  const watches = [
    cluster.watch(KUSTOMIZATION, ({ object }) => {
      const { uid, generation, annotations, deletionTimestamp } = object.metadata;
      const asked = `${uid} ${generation} ${annotations?.[REQUESTED_AT] ?? ""} ${deletionTimestamp ?? ""}`;
      if (seen.get(keyOf(object)) === asked) return;
      seen.set(keyOf(object), asked);
      loop.add(keyOf(object));
    }),
    // A new revision of a source concerns every Kustomization of the source.
    cluster.watch(GIT_REPOSITORY, ({ object }) => {
      const revision = `${object.metadata.uid} ${object.status?.artifact?.revision ?? ""}`;
      if (seen.get(`source ${keyOf(object)}`) === revision) return;
      seen.set(`source ${keyOf(object)}`, revision);
      for (const each of cluster.list(KUSTOMIZATION)) if (sourceOf(each) === keyOf(object)) loop.add(keyOf(each));
    }),
  ];
  return {
    stop: () => {
      for (const stop of watches) stop();
      loop.stop();
    },
  };
}

const sourceOf = (object: KubeObject): string =>
  `${object.spec?.sourceRef?.namespace ?? namespaceOf(object)}/${object.spec?.sourceRef?.name}`;

async function reconcile(
  { cluster, clock }: ControllerContext,
  { api, artifact }: KustomizeParts,
  object: KubeObject,
): Promise<Outcome> {
  const retry = { again: LOOK_AGAIN_MS };
  for (const { name, namespace = namespaceOf(object) } of object.spec?.dependsOn ?? []) {
    if (isReady(getByKey(cluster, KUSTOMIZATION, `${namespace}/${name}`))) continue;
    const message = `dependency '${namespace}/${name}' is not ready`;
    return { status: "False", reason: "DependencyNotReady", message, ...retry };
  }
  if (object.spec?.sourceRef?.kind !== "GitRepository") {
    const message = `the sandbox knows sources of kind GitRepository only, not ${object.spec?.sourceRef?.kind}`;
    return { status: "False", reason: "ArtifactFailed", message, again: DEFAULT_INTERVAL_MS };
  }
  const source = artifact(sourceOf(object));
  if (source === undefined) {
    return {
      status: "False",
      reason: "ArtifactFailed",
      message: `source ${sourceOf(object)} is not ready, artifact not found`,
      ...retry,
    };
  }
  const { revision } = source;
  let objects: readonly KubeObject[];
  try {
    objects = ordered(buildKustomization(source.folder, object.spec?.path ?? "./"));
  } catch (error) {
    const message = `kustomize build failed: ${error instanceof Error ? error.message : String(error)}`;
    return {
      status: "False",
      reason: "BuildFailed",
      message,
      revision,
      again: durationMs(object.spec?.retryInterval, 10_000),
    };
  }
  const before: readonly ObjectId[] = (object.status?.inventory?.entries ?? []).map(fromEntry);
  const applied: KubeObject[] = [];
  for (const each of objects) applied.push(await applyOne(api, labelled(each, object)));
  const inventory = applied.map(idOf);
  if (object.spec?.prune === true)
    await prune(
      api,
      before.filter((old) => !inventory.some((kept) => sameObject(kept, old))),
    );
  const waiting = await firstNotReady(api, object, inventory);
  if (waiting !== undefined) {
    const since = clock.now() - Date.parse(lastAttempt(object, revision) ?? rfc3339(clock.now()));
    const limit = durationMs(object.spec?.timeout, 5 * 60_000);
    if (since > limit) {
      const message = `health check failed after ${limit / 1000}s: ${waiting}`;
      return { status: "False", reason: "HealthCheckFailed", message, revision, inventory, again: limit };
    }
    return {
      status: "Unknown",
      reason: "Progressing",
      message: `Running health checks: ${waiting}`,
      revision,
      inventory,
      ...retry,
    };
  }
  const again = durationMs(object.spec?.interval, DEFAULT_INTERVAL_MS);
  return {
    status: "True",
    reason: "ReconciliationSucceeded",
    message: `Applied revision: ${revision}`,
    revision,
    inventory,
    again,
  };
}

/** When the present revision was first tried, so that the time-out counts from then. */
function lastAttempt(object: KubeObject, revision: string): string | undefined {
  if (object.status?.lastAttemptedRevision !== revision) return undefined;
  const conditions: { type: string; lastTransitionTime: string }[] = object.status?.conditions ?? [];
  return conditions.find(({ type }) => type === "Ready")?.lastTransitionTime;
}

const FIRST = ["Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role"];
const rank = ({ kind }: KubeObject): number => (FIRST.includes(kind) ? FIRST.indexOf(kind) : FIRST.length);
const ordered = (objects: readonly KubeObject[]): readonly KubeObject[] =>
  [...objects].sort((a, b) => rank(a) - rank(b));

const labelled = (object: KubeObject, owner: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    labels: {
      ...object.metadata.labels,
      [`${GROUP}/name`]: owner.metadata.name,
      [`${GROUP}/namespace`]: namespaceOf(owner),
    },
  },
});

/**
 * Flux's opt-outs: `ssa: IfNotPresent` creates only, `ssa: Ignore` and `reconcile: disabled` leave the object alone.
 */
async function applyOne(api: FluxApi, object: KubeObject): Promise<KubeObject> {
  const annotations = object.metadata.annotations ?? {};
  const policy = annotations[`${GROUP}/ssa`];
  const leave = policy === "Ignore" || annotations[`${GROUP}/reconcile`] === "disabled";
  if (leave || policy === "IfNotPresent") {
    const present = await readIfKnown(api, idOf(object));
    if (leave || present !== undefined) return present ?? object;
  }
  return await api.apply(object).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${object.kind}/${object.metadata.name} apply failed: ${message}`, { cause: error });
  });
}

const readIfKnown = (api: FluxApi, ref: ObjectId): Promise<KubeObject | undefined> =>
  api.read(ref).catch(() => undefined);

async function prune(api: FluxApi, gone: readonly ObjectId[]): Promise<void> {
  for (const ref of [...gone].reverse()) {
    const present = await readIfKnown(api, ref);
    if (present === undefined || present.metadata.annotations?.[`${GROUP}/prune`] === "disabled") continue;
    await api.remove(ref);
  }
}

async function firstNotReady(
  api: FluxApi,
  object: KubeObject,
  inventory: readonly ObjectId[],
): Promise<string | undefined> {
  const named: readonly ObjectId[] = (object.spec?.healthChecks ?? []).map((check: Partial<ObjectId>) => ({
    namespace: "",
    ...check,
  }));
  for (const ref of object.spec?.wait === true ? inventory : named) {
    const present = await api.read(ref);
    const why = present === undefined ? `${ref.kind}/${ref.name} is missing` : notReady(present);
    if (why !== undefined) return why;
  }
  return undefined;
}

const sameObject = (a: ObjectId, b: ObjectId): boolean =>
  a.kind === b.kind && a.name === b.name && a.namespace === b.namespace && groupOf(a) === groupOf(b);
const groupOf = ({ apiVersion }: ObjectId): string =>
  apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";

/** Flux's inventory entry: NAMESPACE_NAME_GROUP_KIND and the version apart. */
function toEntry(ref: ObjectId): { id: string; v: string } {
  const v = ref.apiVersion.split("/").at(-1) ?? "";
  return { id: `${ref.namespace}_${ref.name}_${groupOf(ref)}_${ref.kind}`, v };
}

function fromEntry({ id, v }: { id: string; v: string }): ObjectId {
  const [namespace = "", name = "", group = "", kind = ""] = id.split("_");
  return { namespace, name, kind, apiVersion: group === "" ? v : `${group}/${v}` };
}

function holdWithFinalizer({ cluster }: ControllerContext, object: KubeObject): void {
  if (object.spec?.prune !== true || object.metadata.finalizers?.includes(FINALIZER)) return;
  const finalizers = [...(object.metadata.finalizers ?? []), FINALIZER];
  cluster.update(KUSTOMIZATION, { ...object, metadata: { ...object.metadata, finalizers } });
}

/** A Kustomization with `prune: true` removes its objects when it is deleted. */
async function finalize(
  { cluster }: ControllerContext,
  { api }: KustomizeParts,
  object: KubeObject,
): Promise<undefined> {
  if (!object.metadata.finalizers?.includes(FINALIZER)) return undefined;
  if (object.spec?.prune === true && object.spec?.suspend !== true) {
    await prune(api, (object.status?.inventory?.entries ?? []).map(fromEntry));
  }
  const finalizers = object.metadata.finalizers.filter((each) => each !== FINALIZER);
  const present = getByKey(cluster, KUSTOMIZATION, keyOf(object));
  if (present !== undefined)
    cluster.update(KUSTOMIZATION, { ...present, metadata: { ...present.metadata, finalizers } });
  return undefined;
}

/** @returns whether the Ready condition says something new */
function record({ cluster, clock }: ControllerContext, object: KubeObject, outcome: Outcome): boolean {
  const { status, reason, message, revision, inventory } = outcome;
  const present = getByKey(cluster, KUSTOMIZATION, keyOf(object));
  if (present === undefined) return false;
  const conditions: { type: string; message: string }[] = present.status?.conditions ?? [];
  const changed = conditions.find(({ type }) => type === "Ready")?.message !== message;
  const asked = present.metadata.annotations?.[REQUESTED_AT];
  editStatus(cluster, KUSTOMIZATION, present, (copy) => {
    const observedGeneration = object.metadata.generation ?? 0;
    copy.status = {
      ...copy.status,
      observedGeneration,
      conditions: withCondition(
        copy,
        { type: "Ready", status, reason, message, observedGeneration },
        rfc3339(clock.now()),
      ),
      ...(revision === undefined ? {} : { lastAttemptedRevision: revision }),
      ...(status === "True" && revision !== undefined ? { lastAppliedRevision: revision } : {}),
      ...(inventory === undefined ? {} : { inventory: { entries: inventory.map(toEntry) } }),
      ...(asked === undefined ? {} : { lastHandledReconcileAt: asked }),
    };
  });
  return changed;
}
