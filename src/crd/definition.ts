/** What is common to the custom resources: group, version, scope and how they are listed. */
import type { Schema } from "./schema.ts";

export const GROUP = "flagger.app";
export const VERSION = "v1beta1";

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "boolean";
  readonly jsonPath: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

/** A CustomResourceDefinition as plain JSON. */
export type CrdObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; annotations: Record<string, string> };
  readonly spec: Schema;
};

export interface Definition {
  /** Flagger's group and version when absent. */
  readonly group?: string;
  readonly version?: string;
  /** Whether the status is written apart from the rest; true when absent. */
  readonly statusSubresource?: boolean;
  readonly kind: string;
  readonly plural: string;
  readonly columns: readonly Column[];
  readonly schema: Schema;
}

export function crd(definition: Definition): CrdObject {
  const { kind, plural, columns, schema, group = GROUP, version = VERSION, statusSubresource = true } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      // Uninstalling the chart must not delete every Canary of every team.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), categories: ["all"] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(statusSubresource ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

export function column(name: string, jsonPath: string, type: Column["type"] = "string"): Column {
  return { name, type, jsonPath };
}

/** A column that only `-o wide` shows. */
export function wideColumn(name: string, jsonPath: string, type: Column["type"] = "string"): Column {
  return { ...column(name, jsonPath, type), priority: 1 };
}
