/** Objects as `kubectl get` prints them: the server decides on the columns. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import type { Target } from "../resource.ts";
import { builtinColumns } from "./builtin.ts";
import { ageOf, type Column } from "./column.ts";
import { customColumns } from "./custom.ts";

/** metav1.ListMeta */
export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface TableRequest {
  readonly target: Target;
  readonly objects: readonly KubeObject[];
  readonly metadata: ListMeta;
  /** Version of the Table kind: v1 or v1beta1. */
  readonly version: string;
  readonly nowMs: number;
  /** What rows carry along with their cells; nothing when absent. */
  readonly withObject?: (object: KubeObject) => unknown;
}

const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  cell: ({ metadata }) => metadata.name,
};

const AGE: Column = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  cell: ({ metadata }, nowMs) => ageOf(metadata.creationTimestamp, nowMs),
};

const CREATED: Column = {
  name: "Created At",
  type: "date",
  description: "When the object was created.",
  cell: ({ metadata }) => metadata.creationTimestamp ?? "",
};

/** Name first, then what the kind declares. */
function columnsOf({ resource, version }: Target): readonly Column[] {
  if (version.columns !== undefined) return [NAME, ...customColumns(version.columns)];
  const columns = builtinColumns(resource.storage.group, resource.kind);
  if (columns === undefined) return [NAME, CREATED];
  const all = columns.map((column) => (column === "age" ? AGE : column));
  // The names of events are rarely needed: they come last, and only with `-o wide`.
  return resource.kind === "Event" ? all : [NAME, ...all];
}

/** A meta.k8s.io Table. */
export function tableOf({ target, objects, metadata, version, nowMs, withObject }: TableRequest): KubeFields {
  const columns = columnsOf(target);
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: columns.map(({ cell: _cell, ...definition }) => ({ format: "", priority: 0, ...definition })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      ...(withObject && { object: withObject(object) }),
    })),
  };
}
