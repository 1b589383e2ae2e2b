/** CustomResourceDefinitions of what the sandbox imitates, in as few words as they need. */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";

export interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: string;
}

export interface Definition {
  readonly group: string;
  readonly kind: string;
  readonly singular: string;
  /** With "s" behind the singular when absent. */
  readonly plural?: string;
  /** Namespaced when absent. */
  readonly scope?: "Namespaced" | "Cluster";
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Served. */
  readonly versions: readonly string[];
  /** One of them; the first when absent. */
  readonly stored?: string;
  readonly columns: readonly Column[];
  /** Schema of the spec; anything when absent. */
  readonly spec?: KubeFields;
}

export const AGE: Column = { name: "Age", jsonPath: ".metadata.creationTimestamp", type: "date" };

/** A schema that takes anything. */
export const OPEN: KubeFields = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** Kubernetes protects its own groups: a definition in one of them says who approved it. */
const PROTECTED = /(^|\.)k8s\.io$/;
const UNAPPROVED = { "api-approved.kubernetes.io": "unapproved, an imitation of the sandbox" };

/** With a status of its own. */
export function definition(of: Definition): KubeObject {
  const { group, kind, singular, shortNames, categories, labels = {}, versions, columns, spec = OPEN } = of;
  const { stored = versions[0], plural = `${singular}s`, scope = "Namespaced" } = of;
  const schema = { openAPIV3Schema: { type: "object", properties: { spec, status: OPEN } } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      labels: { ...labels },
      ...(PROTECTED.test(group) && { annotations: { ...UNAPPROVED } }),
    },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories },
      scope,
      versions: versions.map((name) => ({
        name,
        served: true,
        storage: name === stored,
        schema,
        subresources: { status: {} },
        additionalPrinterColumns: columns,
      })),
    },
  };
}
