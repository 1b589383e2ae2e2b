/** What is common to the three custom resources: group, version, scope and how they are listed. */
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
  readonly kind: string;
  readonly plural: string;
  readonly columns: readonly Column[];
  readonly schema: Schema;
}

export function crd({ kind, plural, columns, schema }: Definition): CrdObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${GROUP}`,
      // Uninstalling the chart must not delete every rollout of every team.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), categories: ["all"] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
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
