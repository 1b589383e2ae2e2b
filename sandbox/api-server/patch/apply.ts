/**
 * Server-side apply and the bookkeeping of every other write.
 *
 *   apply:  live + applied --merge--> merged --minus what this manager gave up and no other owns--> object
 *           fields of others that would change are conflicts, unless forced: then the others lose them
 *   update: what the write changed now belongs to the writer
 */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import type { ObjectSchema } from "../schema/node.ts";
import {
  difference,
  type FieldSet,
  intersection,
  isEmpty,
  NOTHING,
  printPaths,
  sameSet,
  setOf,
  union,
} from "./field-set.ts";
import {
  asksForReset,
  entriesOf,
  entryId,
  type ManagerEntry,
  ownable,
  ownedBy,
  unmanaged,
  withEntries,
} from "./managed-fields.ts";
import { compare, merge, withNamedParents, without } from "./typed.ts";

export interface ApplyArgs {
  readonly schema: ObjectSchema;
  readonly live: KubeObject | undefined;
  readonly applied: KubeObject;
  readonly manager: string;
  readonly force: boolean;
  readonly subresource?: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  readonly apiVersion: string;
}

export interface Conflict {
  readonly manager: string;
  /** As kubectl prints it: `.spec.replicas`. */
  readonly path: string;
  /** `"kubectl" using apps/v1`: the manager as the API server words it. */
  readonly owner: string;
}

export type ApplyResult = { readonly object: KubeObject } | { readonly conflicts: Conflict[] };

type Entries = Map<string, ManagerEntry>;

/** Applies a configuration for its manager. Pure: neither argument is changed. */
export function serverSideApply(args: ApplyArgs): ApplyResult {
  const { root } = args.schema;
  const applied = unmanaged(args.subresource === "status" ? statusOnly(args.applied) : args.applied);
  const live = args.live === undefined ? undefined : unmanaged(args.live);
  const mine = ownerOf(args, "Apply");
  const others = entriesBefore(args);
  const previous = others.get(mine.id);
  others.delete(mine.id);
  const set = ownedBy(root, applied);
  const merged = live === undefined ? applied : (merge(root, live, applied) as KubeObject);
  const owned = union(set, ...[...others.values()].map((entry) => entry.set));
  const object = withoutGivenUp(args.schema, merged, previous?.set ?? NOTHING, owned);
  const changes = compare(root, live ?? {}, object);
  const touched = union(changes.added, changes.modified);
  const conflicts = [...others.values()].flatMap((entry) => conflictsWith(entry, touched));
  if (conflicts.length > 0 && !args.force) return { conflicts };
  const rest = dispossess(others, union(touched, changes.removed));
  const unchanged = previous !== undefined && sameSet(previous.set, set) && previous.apiVersion === args.apiVersion;
  rest.set(mine.id, { ...mine.entry, set, time: unchanged ? previous.time : args.now });
  return { object: withEntries(object, rest.values()) };
}

/** An apply to /status is about the status and nothing else. */
function statusOnly({ apiVersion, kind, metadata, status }: KubeObject): KubeObject {
  const { name, namespace } = metadata;
  const identity = { name, ...(namespace !== undefined && { namespace }) };
  return { apiVersion, kind, metadata: identity, ...(status !== undefined && { status }) };
}

function ownerOf(args: Omit<ApplyArgs, "applied" | "force" | "live">, operation: "Apply" | "Update") {
  const { manager, apiVersion, subresource = "" } = args;
  const entry = { manager, operation, apiVersion, subresource } as const;
  return { entry, id: entryId(entry) };
}

/** An object that was written before anyone kept records belongs to "before-first-apply". */
function entriesBefore(args: ApplyArgs): Entries {
  const entries = entriesOf(args.live);
  if (entries.size > 0 || args.live === undefined) return entries;
  const entry: ManagerEntry = {
    manager: "before-first-apply",
    operation: "Update",
    apiVersion: args.apiVersion,
    subresource: "",
    time: args.now,
    set: ownedBy(args.schema.root, unmanaged(args.live)),
  };
  return new Map([[entryId(entry), entry]]);
}

/** Removes fields that the manager applied last time and not now, and that have no other owner. */
function withoutGivenUp(schema: ObjectSchema, merged: KubeObject, previous: FieldSet, owned: FieldSet): KubeObject {
  const { root } = schema;
  // `ownable` also keeps the metadata as such: what the server wrote there has no owner and must stay.
  const gone = ownable(difference(withNamedParents(root, previous), withNamedParents(root, owned)));
  const left = without(root, merged, gone, owned) as KubeObject;
  return left.metadata === undefined ? { ...left, metadata: { name: merged.metadata.name } } : left;
}

function conflictsWith(entry: ManagerEntry, touched: FieldSet): Conflict[] {
  const lost = intersection(entry.set, touched);
  const owner = describe(entry);
  return printPaths(lost).map((path) => ({ manager: entry.manager, path, owner }));
}

function describe({ manager, operation, subresource, apiVersion }: ManagerEntry): string {
  const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Apply" ? name : `${name} using ${apiVersion}`;
}

/** The other managers without the fields that changed under them. */
function dispossess(others: Entries, lost: FieldSet): Entries {
  return new Map([...others].map(([id, entry]) => [id, { ...entry, set: difference(entry.set, lost) }]));
}

/** The API server's message for a 409 answer to an apply. */
export function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.path}`;
  }
  const owners = [...new Set(conflicts.map(({ owner }) => owner))].sort();
  const lines = owners.flatMap((owner) => [
    `conflicts with ${owner}:`,
    ...conflicts.filter((conflict) => conflict.owner === owner).map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

export interface UpdateArgs {
  readonly schema: ObjectSchema;
  readonly live: KubeObject | undefined;
  readonly updated: KubeObject;
  /** Fields that this write cannot reach, and so cannot own. */
  readonly unreachable?: readonly string[];
  readonly manager: string;
  readonly subresource?: string;
  readonly now: string;
  readonly apiVersion: string;
}

/** The written object with its managedFields brought up to date (create, update and all patches but apply). */
export function trackUpdate(args: UpdateArgs): KubeObject {
  if (asksForReset(args.updated)) return withEntries(args.updated, []);
  const sent = entriesOf(args.updated);
  const entries = sent.size > 0 ? sent : entriesOf(args.live);
  const updated = unmanaged(args.updated);
  const changes = compare(args.schema.root, args.live === undefined ? {} : unmanaged(args.live), updated);
  const written = ownable(union(changes.added, changes.modified));
  // In custom resources there are no structs.
  const gained = args.schema.custom ? written : withoutPlainParents(written);
  const lost = union(changes.added, changes.modified, changes.removed);
  const mine = ownerOf(args, "Update");
  const before = entries.get(mine.id);
  entries.delete(mine.id);
  const rest = dispossess(entries, lost);
  const out = setOf(
    false,
    (args.unreachable ?? []).map((name) => [`f:${name}`, gained.children.get(`f:${name}`) ?? NOTHING] as const),
  );
  const set = union(difference(before?.set ?? NOTHING, changes.removed), difference(gained, out));
  const unchanged = before !== undefined && sameSet(before.set, set);
  if (!isEmpty(set)) rest.set(mine.id, { ...mine.entry, set, time: unchanged ? before.time : args.now });
  return withEntries(updated, rest.values());
}

const PLAIN: ReadonlySet<string> = new Set(
  [
    "metadata",
    "spec",
    "status",
    "template",
    "jobTemplate",
    "strategy",
    "updateStrategy",
    "containers",
    "scaleTargetRef",
  ].map((name) => `f:${name}`),
);

/** Structs and lists that are always there in Go are never "added": they have no owner, only their contents have. */
function withoutPlainParents(set: FieldSet): FieldSet {
  const children = [...set.children].map(([part, child]) => {
    const below = withoutPlainParents(child);
    const plain = PLAIN.has(part) && below.children.size > 0;
    return [part, plain ? { ...below, member: false } : below] as const;
  });
  return setOf(set.member, children);
}
