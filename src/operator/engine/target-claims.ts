/**
 * Finds Canaries that release the same target. Two rollouts of one workload would undo each other's work. So only the
 * oldest Canary takes turns. For the others nothing is written until the oldest is deleted.
 */
import { type CanaryRef, canaryKey, dotted } from "../../core/spec/spec.ts";
import type { ObjectChange } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";

export interface TargetClaims {
  /** Updates the register of targets, and wakes the Canaries that may go on now. */
  observe(change: ObjectChange): void;
  /** Why this Canary has to wait: the text of the event. */
  conflictOf(canary: CanaryRef): string | undefined;
}

interface Entry {
  readonly ref: CanaryRef;
  /** "podinfo.test": Flagger compares names without kinds (Q14). */
  readonly target: string;
  readonly kind: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** The Canaries that name one target, and the oldest of each kind as far as it is known. */
interface Claim {
  readonly entries: Map<string, Entry>;
  readonly oldest: Map<string, Entry>;
}

export function createTargetClaims(log: Log, wake: (canary: CanaryRef) => void): TargetClaims {
  const entries = new Map<string, Entry>();
  const claims = new Map<string, Claim>();

  function oldestOf({ target, kind }: Entry): Entry | undefined {
    const claim = claims.get(target);
    const known = claim?.oldest.get(kind);
    if (claim === undefined || known !== undefined) return known;
    let oldest: Entry | undefined;
    for (const entry of claim.entries.values())
      if (entry.kind === kind && (oldest === undefined || isOlder(entry, oldest))) oldest = entry;
    if (oldest !== undefined) claim.oldest.set(kind, oldest);
    return oldest;
  }

  /** Of thousands of rivals only those are woken that may go on now, or wait for another one. */
  function wakeRivals({ target, kind, ref }: Entry): void {
    for (const other of claims.get(target)?.entries.values() ?? [])
      if (other.kind === kind && other.ref.name !== ref.name) wake(other.ref);
  }

  function leave(key: string, entry: Entry): void {
    const wasOldest = oldestOf(entry) === entry;
    const claim = claims.get(entry.target);
    entries.delete(key);
    claim?.entries.delete(key);
    if (claim?.entries.size === 0) claims.delete(entry.target);
    if (!wasOldest) return;
    claim?.oldest.delete(entry.kind);
    wakeRivals(entry);
  }

  function join(key: string, entry: Entry): void {
    const { target, kind } = entry;
    const claim = claims.get(target) ?? { entries: new Map(), oldest: new Map() };
    claims.set(target, claim);
    const before = oldestOf(entry);
    // One that had the target for itself until now is named, too.
    const [only] = claim.entries.size === 1 ? claim.entries.values() : [];
    entries.set(key, entry);
    claim.entries.set(key, entry);
    if (claim.entries.size > 1) {
      for (const { ref } of only === undefined ? [entry] : [entry, only]) {
        const said = `Bad things will happen! Found more than one canary with the same target ${target}`;
        log.error({ canary: dotted(ref.name, ref) }, said);
      }
    }
    if (before === undefined || !isOlder(entry, before)) return;
    claim.oldest.set(kind, entry);
    wakeRivals(entry);
  }

  return {
    observe({ type, object }) {
      const entry = entryOf(object);
      const key = canaryKey(entry.ref);
      const before = entries.get(key);
      if (type !== "deleted" && before !== undefined && isSame(before, entry)) return;
      if (before !== undefined) leave(key, before);
      if (type !== "deleted") join(key, entry);
    },
    conflictOf(canary) {
      const own = entries.get(canaryKey(canary));
      const oldest = own === undefined ? undefined : oldestOf(own);
      if (own === undefined || oldest === undefined || oldest === own) return undefined;
      const { name, namespace } = oldest.ref;
      return (
        `spec.targetRef ${own.kind} ${own.target} is released by canary ${dotted(name, oldest.ref)} already: delete this ` +
        `canary, or let it take over with kubectl delete canary ${name} -n ${namespace} --cascade=orphan`
      );
    },
  };
}

const isSame = (a: Entry, b: Entry): boolean =>
  a.target === b.target && a.kind === b.kind && a.createdAt === b.createdAt;

function isOlder(a: Entry, b: Entry): boolean {
  return a.createdAt === b.createdAt ? canaryKey(a.ref) < canaryKey(b.ref) : a.createdAt < b.createdAt;
}

function entryOf({ metadata, spec }: KubeObject): Entry {
  const { namespace = "", name, creationTimestamp = "" } = metadata;
  const { apiVersion = "", kind = "", name: target = "" } = spec?.targetRef ?? {};
  // A Knative Service and a Service of the same name are two targets.
  const group = String(apiVersion).includes("/") ? String(apiVersion).split("/")[0] : "";
  return {
    ref: { namespace, name },
    target: `${target}.${namespace}`,
    kind: kind === "Service" && group !== "" ? `${group} ${kind}` : kind,
    createdAt: creationTimestamp,
  };
}
