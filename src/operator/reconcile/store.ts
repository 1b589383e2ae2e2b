/** Canaries in the API server: loaded from the cache, saved by a compare-and-set patch of the status subresource. */

import { canaryWeights } from "../../core/plan/plan.ts";
import { doubtsOf, doubtText } from "../../core/spec/doubts.ts";
import { type Parsed, type ParseOptions, parseSpec } from "../../core/spec/parse.ts";
import { type CanaryRef, type CanarySpec, dotted } from "../../core/spec/spec.ts";
import type { Canary, CanaryStatus } from "../../core/status/canary.ts";
import { refusedConditions } from "../../core/status/conditions.ts";
import { fromWire, toWire } from "../../core/status/status.ts";
import type { RecoveryHints, WireMemory, WireStatus } from "../../core/status/wire.ts";
import { perObject } from "../../core/turn/per-object.ts";
import { equal, mergePatch } from "../../json/merge-patch.ts";
import { KubeError, type ObjectWriter } from "../../ports/kube.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import type { CanaryStore, Loaded } from "../../ports/store.ts";
import { cureOf } from "../cluster/missing-right.ts";
import type { FreshSnapshot } from "../cluster/read-your-writes.ts";
import { WriteFailure } from "../cluster/write.ts";
import { annotationFor, OWED_ALERTS, owedFrom } from "../notify/owed-alerts-annotation.ts";
import { createSessions, type Sessions } from "../sessions.ts";
import { FINALIZER } from "./finalizer.ts";

/**
 * What the API server may have pruned from a status that this process wrote (Flagger's own CRD does not know `aviary`).
 */
interface Remembered {
  readonly uid: string;
  readonly wire: WireStatus;
  readonly memory: WireMemory;
}

export function createCanaryStore(
  writer: ObjectWriter,
  snapshot: FreshSnapshot,
  options: ParseOptions,
  log: Log = SILENT_LOG,
  sessions: Sessions = createSessions(),
): CanaryStore {
  const remembered = sessions.slot<Remembered>();
  const read = sessions.slot<ReadCanary>();

  /**
   * A failure is logged and does not end the turn: the status is saved already, and the next save writes the
   * annotation.
   */
  async function annotateOwed(stored: KubeObject, status: CanaryStatus, signal: AbortSignal): Promise<KubeObject> {
    const annotation = annotationFor(stored, status.owedAlerts);
    if (annotation === undefined) return stored;
    const { namespace = "", name } = stored.metadata;
    const patch = { metadata: { annotations: { [OWED_ALERTS]: annotation } } };
    try {
      const annotated = await writer.mergePatch(refOf({ namespace, name }), patch, {}, signal);
      snapshot.remember(RESOURCES.canary, annotated, { namespace, name });
      return annotated;
    } catch (error) {
      log.warn({ canary: `${name}.${namespace}`, err: error }, "cannot note which alerts are owed");
      return stored;
    }
  }

  return {
    load(ref) {
      const object = snapshot.get(refOf(ref));
      const own = remembered.get(ref);
      if (own !== undefined && own.uid !== object?.metadata.uid) remembered.delete(ref);
      if (object === undefined) {
        read.delete(ref);
        return undefined;
      }
      const current = readCanary(object, ref, options, remembered.get(ref), read.get(ref));
      read.set(ref, current);
      return current.loaded;
    },
    async save(canary, status, signal) {
      const wire = toWire(status);
      const before = (snapshot.get(refOf(canary.ref))?.status ?? {}) as WireStatus;
      const patch = { status: mergePatch({ ...before }, { ...wire }) ?? {} };
      const options = { subresource: "status", resourceVersion: canary.resourceVersion } as const;
      let stored = await writer
        .mergePatch(refOf(canary.ref), patch, options, signal)
        .catch(refusalOf("status of ", canary.ref));
      snapshot.remember(RESOURCES.canary, stored, canary.ref);
      const { aviary: memory = {}, ...rest } = wire;
      remembered.set(canary.ref, { uid: canary.uid, wire: rest, memory });
      stored = await annotateOwed(stored, status, signal);
      return { ...canary, status, resourceVersion: stored.metadata.resourceVersion ?? "" };
    },
    async refuse(invalid, now, signal) {
      const { ref, uid, problem, resourceVersion } = invalid;
      const { conditions: before = [] } = (snapshot.get(refOf(ref))?.status ?? {}) as WireStatus;
      const conditions = refusedConditions(before, problem, now);
      if (conditions === before) return;
      const options = { subresource: "status", resourceVersion } as const;
      try {
        const stored = await writer.mergePatch(refOf(ref), { status: { conditions } }, options, signal);
        snapshot.remember(RESOURCES.canary, stored, ref);
        const own = remembered.get(ref);
        if (own?.uid === uid) remembered.set(ref, { ...own, wire: { ...own.wire, conditions } });
      } catch (error) {
        // An older CRD may refuse every write of the status while the spec is invalid. The event says the same as the
        // condition.
        if (!(error instanceof KubeError) || !NEVER_WRITABLE.has(error.code)) throw error;
        log.warn({ canary: dotted(ref.name, ref), err: error }, "cannot write into the status why the spec is refused");
      }
    },
    async confirm({ ref, resourceVersion }, signal) {
      await writer.mergePatch(refOf(ref), {}, { resourceVersion }, signal).catch(refusalOf("", ref));
    },
    async setFinalizer(canary, present, signal) {
      const others = canary.finalizers.filter((name) => name !== FINALIZER);
      const finalizers = present ? [...others, FINALIZER] : others;
      // A list is replaced whole, so the patch fails when another writer changed the list meanwhile.
      const options = { resourceVersion: canary.resourceVersion };
      const stored = await writer
        .mergePatch(refOf(canary.ref), { metadata: { finalizers } }, options, signal)
        .catch(refusalOf("finalizers of ", canary.ref));
      snapshot.remember(RESOURCES.canary, stored, canary.ref);
    },
  };
}

/**
 * Without these writes nothing goes on: a right or an admission webhook that is in the way is announced as an event.
 * @param what of the Canary
 */
const refusalOf =
  (what: string, ref: CanaryRef) =>
  (error: unknown): never => {
    if (!(error instanceof KubeError) || !isRefusal(error)) throw error;
    throw new WriteFailure(
      `${what}canary ${dotted(ref.name, ref)} cannot be written, and the rollout waits: ${error.message}${cureOf(error)}`,
      error,
    );
  };

/** An admission webhook that does not answer is an internal error of the API server. */
const isRefusal = ({ code, message }: KubeError): boolean =>
  code === 400 || code === 403 || code === 422 || (code === 500 && message.includes("webhook"));

/** Gone, forbidden, or refused for the spec itself. */
const NEVER_WRITABLE: ReadonlySet<number> = new Set([403, 404, 422]);

function refOf({ namespace, name }: CanaryRef): ObjectRef {
  return { type: RESOURCES.canary, namespace, name };
}

/**
 * A parsed Canary, and the object that it was parsed from. At most turns the object, or at least its spec, is the same
 * as before.
 */
interface ReadCanary {
  readonly object: KubeObject;
  readonly own: Remembered | undefined;
  readonly parsed: Parsed;
  /** Of the parsed spec. */
  readonly doubts: readonly string[];
  readonly loaded: Loaded;
}

function readCanary(
  object: KubeObject,
  ref: CanaryRef,
  options: ParseOptions,
  own: Remembered | undefined,
  known: ReadCanary | undefined,
): ReadCanary {
  if (known?.object === object && known.own === own) return known;
  const { uid, generation = 0 } = object.metadata;
  const before = known?.object.metadata;
  // The API server counts generations for every change of a spec.
  const isSameSpec = generation > 0 && before?.uid === uid && before?.generation === generation;
  const parsed = known !== undefined && isSameSpec ? known.parsed : parseSpec(object.spec, ref.namespace, options);
  const doubts = parsed === known?.parsed ? known.doubts : doubtsOf(parsed.spec, options.rules).map(doubtText);
  return { object, own, parsed, doubts, loaded: loadedFrom(object, ref, { parsed, doubts }, own) };
}

function loadedFrom(
  object: KubeObject,
  ref: CanaryRef,
  { parsed, doubts }: Pick<ReadCanary, "parsed" | "doubts">,
  own: Remembered | undefined,
): Loaded {
  const { metadata } = object;
  const common = {
    ref,
    uid: metadata.uid ?? "",
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
    ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
  };
  const deleting = metadata.deletionTimestamp !== undefined;
  // A Canary that is being deleted may have any fault in its spec.
  if (parsed.kind === "invalid" && !deleting) return { kind: "invalid", ...common, problem: parsed.problem };
  const { spec } = parsed;
  const status = statusFrom(object, spec, own);
  if (typeof status === "string") return { kind: "invalid", ...common, problem: status };
  const canary: Canary = {
    ...common,
    deleting,
    finalizers: metadata.finalizers ?? [],
    spec,
    status,
  };
  return { kind: "canary", canary, doubts: deleting ? [] : doubts };
}

/** @returns a text when the stored status is one that no operator writes */
function statusFrom(object: KubeObject, spec: CanarySpec, own: Remembered | undefined): CanaryStatus | string {
  try {
    const wire = withMemory(object.status as WireStatus | undefined, own);
    const status = fromWire(wire, hintsOf(spec));
    return wire?.aviary === undefined ? { ...status, owedAlerts: owedFrom(object) } : status;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

const hintsOf = perObject((spec: CanarySpec): RecoveryHints => {
  const { intervalMs, iterations, mirror } = spec.analysis;
  return { intervalMs, iterations, mirror, weights: canaryWeights(spec), skips: spec.skipAnalysis };
});

/**
 * The API server pruned the memory from a status that this process wrote. It is put back while the rest is unchanged.
 */
function withMemory(wire: WireStatus | undefined, own: Remembered | undefined): WireStatus | undefined {
  if (wire === undefined || own === undefined || wire.aviary !== undefined) return wire;
  return equal(withoutMemory(wire), own.wire) ? { ...wire, aviary: own.memory } : wire;
}

function withoutMemory(wire: WireStatus): WireStatus {
  const { aviary: _memory, ...rest } = wire;
  return rest;
}
