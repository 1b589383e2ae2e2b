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

export function createTargetClaims(log: Log, wake: (canary: CanaryRef) => void): TargetClaims {
  const entries = new Map<string, Entry>();
  const byTarget = new Map<string, Map<string, Entry>>();

  function drop(key: string): Entry | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    const others = byTarget.get(entry.target);
    others?.delete(key);
    if (others?.size === 0) byTarget.delete(entry.target);
    return entry;
  }

  /** The other Canaries that name the same target. */
  const rivalsOf = (entry: Entry): Entry[] =>
    [...(byTarget.get(entry.target)?.values() ?? [])].filter((other) => other !== entry);

  return {
    observe({ type, object }) {
      const entry = entryOf(object);
      const key = canaryKey(entry.ref);
      const before = drop(key);
      if (type !== "deleted") {
        entries.set(key, entry);
        byTarget.set(entry.target, (byTarget.get(entry.target) ?? new Map()).set(key, entry));
      }
      const moved = before?.target !== entry.target || before.kind !== entry.kind || type === "deleted";
      if (!moved) return;
      if (before !== undefined) for (const other of rivalsOf(before)) wake(other.ref);
      if (type === "deleted") return;
      for (const other of rivalsOf(entry)) {
        for (const one of [entry, other]) {
          const said = `Bad things will happen! Found more than one canary with the same target ${entry.target}`;
          log.error({ canary: dotted(one.ref.name, one.ref) }, said);
        }
        wake(other.ref);
      }
    },
    conflictOf(canary) {
      const own = entries.get(canaryKey(canary));
      if (own === undefined) return undefined;
      const older = rivalsOf(own).find((other) => other.kind === own.kind && isOlder(other, own));
      if (older === undefined) return undefined;
      const who = dotted(older.ref.name, older.ref);
      return `spec.targetRef ${own.kind} ${own.target} is released by canary ${who} already: delete one of the two`;
    },
  };
}

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
