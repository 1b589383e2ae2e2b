/** metadata.managedFields: who owns which fields, and since when. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { isFields, type SchemaNode } from "../schema/node.ts";
import { difference, type FieldSet, fromFieldsV1, isEmpty, MEMBER, setOf, toFieldsV1 } from "./field-set.ts";
import { fieldSetOf } from "./typed.ts";

export interface ManagerEntry {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
}

/** Appliers keep one entry over all API versions; updaters have one for each. */
export function entryId(entry: Omit<ManagerEntry, "time" | "set">): string {
  const version = entry.operation === "Apply" ? "" : entry.apiVersion;
  return JSON.stringify([entry.operation, entry.manager, entry.subresource, version]);
}

/** The entries of an object by id; entries that cannot be read are dropped, as the API server does. */
export function entriesOf(object: KubeObject | undefined): Map<string, ManagerEntry> {
  const list = object?.metadata.managedFields;
  const entries = (Array.isArray(list) ? list.filter(isFields) : []).map((raw): ManagerEntry => {
    const time = raw.time;
    return {
      manager: String(raw.manager ?? "unknown"),
      operation: raw.operation === "Apply" ? "Apply" : "Update",
      apiVersion: String(raw.apiVersion ?? ""),
      subresource: String(raw.subresource ?? ""),
      time: typeof time === "string" ? time : undefined,
      set: fromFieldsV1(raw.fieldsV1),
    };
  });
  return new Map(entries.filter(({ set }) => !isEmpty(set)).map((entry) => [entryId(entry), entry]));
}

/** True for `managedFields: [{}]`, by which a client asks to forget all owners. */
export function asksForReset(object: KubeObject): boolean {
  const list = object.metadata.managedFields;
  return Array.isArray(list) && list.length > 0 && list.every((raw) => isFields(raw) && Object.keys(raw).length === 0);
}

/** The object with its owners written down, ordered as the API server orders them. */
export function withEntries(object: KubeObject, entries: Iterable<ManagerEntry>): KubeObject {
  const kept = [...entries].filter(({ set }) => !isEmpty(set)).sort(byAge);
  const { managedFields: _, ...metadata } = object.metadata;
  if (kept.length === 0) return { ...object, metadata: metadata as KubeObject["metadata"] };
  const managedFields = kept.map(({ manager, operation, apiVersion, subresource, time, set }) => ({
    manager,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: "FieldsV1",
    fieldsV1: toFieldsV1(set),
    ...(subresource !== "" && { subresource }),
  }));
  return { ...object, metadata: { ...metadata, managedFields } as KubeObject["metadata"] };
}

function byAge(a: ManagerEntry, b: ManagerEntry): number {
  const key = ({ operation, time, manager, apiVersion, subresource }: ManagerEntry) =>
    [operation, time ?? "", manager, apiVersion, subresource].join("\n");
  return key(a) < key(b) ? -1 : 1;
}

const field = (name: string, set: FieldSet) => [`f:${name}`, set] as const;

/** Fields without an owner: they name the object, or the server writes them. */
const UNOWNED = setOf(true, [
  field("apiVersion", MEMBER),
  field("kind", MEMBER),
  field(
    "metadata",
    setOf(
      true,
      [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
      ].map((name) => field(name, MEMBER)),
    ),
  ),
]);

/** The set without the fields that cannot have an owner. */
export function ownable(set: FieldSet): FieldSet {
  return difference(set, UNOWNED);
}

/** What applying (or having written) this whole object owns. */
export function ownedBy(root: SchemaNode, object: KubeObject): FieldSet {
  return ownable(fieldSetOf(root, object));
}

/** The object without its managedFields: ownership never looks at its own records. */
export function unmanaged(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject["metadata"] };
}
