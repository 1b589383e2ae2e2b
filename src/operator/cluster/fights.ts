/**
 * Another writer that changes a field of Aviary back, again and again: a GitOps agent without the right exception, a
 * second operator, a script in a loop. Aviary repairs the field each time. The fight is announced once, with the other
 * writer's name, and counted.
 */
import type { CanaryRef } from "../../core/spec/spec.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KubeFields, KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import { refKey } from "./read-your-writes.ts";

/** One fight, as it is announced. */
export interface Fight {
  readonly ref: ObjectRef;
  /** The other field manager, as the API server knows it: "kustomize-controller"; undefined: not known. */
  readonly manager: string | undefined;
  /** The fields that are put back: "spec.selector". */
  readonly fields: readonly string[];
}

export interface Fights {
  /**
   * An object that exists is about to be patched. Asks the API server for the other writer when this is a fight that is
   * new.
   */
  repair(ref: ObjectRef, patch: KubeFields, by: CanaryRef, signal: AbortSignal): Promise<void>;
  /** The patch was refused: the fields stay as they are, and no other writer changed them back. */
  refused(ref: ObjectRef): void;
}

export interface FightsOptions {
  readonly clock: Pick<Clock, "now">;
  /** Reads the object with its managed fields, which the caches leave out. */
  readonly read: (ref: ObjectRef, signal: AbortSignal) => Promise<KubeObject | undefined>;
  readonly onFight: (canary: CanaryRef, fight: Fight) => void;
}

/** So many repairs of the same fields, one after the other, are a fight. One or two may be a mistake of a person. */
const REPAIRS = 3;
/** A fight is over when nothing had to be repaired for so long. */
const OVER_MS = 600_000;
const KNOWN_MAX = 1000;
const OWN_MANAGER = "flagger";

interface Repairs {
  readonly patch: string;
  readonly count: number;
  readonly lastMs: number;
}

export function createFights({ clock, read, onFight }: FightsOptions): Fights {
  const known = new Map<string, Repairs>();
  return {
    async repair(ref, patch, by, signal) {
      const key = refKey(ref);
      const text = JSON.stringify(patch);
      const before = known.get(key);
      const isRepeated = before !== undefined && before.patch === text && clock.now() - before.lastMs < OVER_MS;
      const count = isRepeated ? before.count + 1 : 1;
      known.delete(key);
      known.set(key, { patch: text, count, lastMs: clock.now() });
      const [oldest = ""] = known.keys();
      if (known.size > KNOWN_MAX) known.delete(oldest);
      if (count !== REPAIRS) return;
      // The name helps the reader. The fight is announced also when the API server does not give the name.
      const seen = await read(ref, signal).catch(() => undefined);
      onFight(by, { ref, manager: otherManager(seen, patch), fields: fieldsOf(patch) });
    },
    refused: (ref) => void known.delete(refKey(ref)),
  };
}

/**
 * Who wrote the fields that Aviary puts back: an autoscaler does so through the subresource `scale`. When no writer
 * owns them, for example because the other writer removed them: who wrote the object last, beside Aviary and the
 * controllers that write the status.
 */
function otherManager(seen: KubeObject | undefined, patch: KubeFields): string | undefined {
  const entries: readonly KubeFields[] = (seen?.metadata as KubeFields)?.managedFields ?? [];
  const others = entries
    .filter(({ manager, subresource }) => manager !== OWN_MANAGER && subresource !== "status")
    .sort((a, b) => String(b.time ?? "").localeCompare(String(a.time ?? "")));
  const owner = others.find(({ fieldsV1 }) => ownsOneOf(fieldsV1 ?? {}, patch));
  return (owner ?? others.find(({ subresource }) => subresource === undefined))?.manager;
}

/** @param owned as the API server writes it: `{"f:spec": {"f:replicas": {}}}` */
function ownsOneOf(owned: KubeFields, patch: KubeFields): boolean {
  return Object.entries(patch).some(([name, value]) => {
    const below: KubeFields | undefined = owned[`f:${name}`];
    if (below === undefined) return false;
    const isLeaf = value === null || typeof value !== "object" || Array.isArray(value);
    return isLeaf || Object.keys(below).length === 0 || ownsOneOf(below, value);
  });
}

/** Paths of two names say enough: "spec.http", "metadata.labels". */
function fieldsOf(patch: KubeFields): readonly string[] {
  return Object.entries(patch).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.keys(value).map((field) => `${name}.${field}`)
      : [name],
  );
}

/** The text of the Warning event. */
export function fightText({ ref: { type, namespace, name }, manager, fields }: Fight): string {
  const other = manager === undefined ? "another writer" : `field manager "${manager}"`;
  return (
    `${other} keeps changing ${fields.join(", ")} of ${type.kind} ${name}.${namespace}, and Aviary puts it back each time: ` +
    `let ${manager ?? "it"} ignore these fields`
  );
}
