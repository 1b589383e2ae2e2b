/** CustomResourceDefinitions: what they define, and what the API server adds to them. */
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { ALL_VERBS } from "./builtin-resources.ts";
import type { PrinterColumn, Resource, ResourceVersion } from "./resource.ts";
import { crdSchema, type ObjectSchema } from "./schema/index.ts";

/** Keeps a CRD until its objects are gone. */
export const CRD_CLEANUP = "customresourcecleanup.apiextensions.k8s.io";

const AGE: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** The resource that a CRD defines. */
export function resourceOf(crd: KubeObject): Resource {
  const { group, names, scope } = crd.spec;
  const versions: KubeFields[] = crd.spec.versions ?? [];
  const storage = versions.find((version) => version.storage === true)?.name ?? "";
  return {
    group,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: scope === "Namespaced",
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    versions: versions
      .filter((version) => version.served === true)
      .sort(byPriority)
      .map(versionOf),
    storage: { group, version: storage, plural: names.plural },
    generation: true,
    custom: true,
    verbs: ALL_VERBS,
    subresources: [],
    versionRequired: true,
    createOnUpdate: false,
  };
}

function versionOf(version: KubeFields): ResourceVersion {
  const text = version.schema?.openAPIV3Schema;
  let schema: ObjectSchema | undefined;
  const scale = version.subresources?.scale;
  return {
    name: version.name,
    schema: () => {
      schema ??= crdSchema(text);
      return schema;
    },
    status: version.subresources?.status !== undefined,
    ...(scale && {
      scale: {
        specReplicas: scale.specReplicasPath,
        statusReplicas: scale.statusReplicasPath,
        labelSelector: scale.labelSelectorPath ?? "",
      },
    }),
    columns: version.additionalPrinterColumns ?? [AGE],
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }: KubeFields) => jsonPath.replace(/^\./, "")),
    openApiSchema: text,
  };
}

/** v1 before v1beta1 before v1alpha1; greater numbers first; other names last, by the alphabet. */
function byPriority(a: KubeFields, b: KubeFields): number {
  const rank = (name: string): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
    if (match === null) return [0, 0, 0];
    const maturity = match[2] === undefined ? 3 : match[2] === "beta" ? 2 : 1;
    return [maturity, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [ranksA, ranksB] = [rank(a.name), rank(b.name)];
  for (const [index, rankA] of ranksA.entries()) {
    const difference = (ranksB[index] ?? 0) - rankA;
    if (difference !== 0) return difference;
  }
  return a.name < b.name ? -1 : 1;
}

/** Names and conversion that the author may leave out. */
export function defaultCrd(crd: KubeObject): void {
  const names = crd.spec?.names;
  if (names !== undefined && typeof names.kind === "string") {
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
  }
  if (crd.spec !== undefined) crd.spec.conversion ??= { strategy: "None" };
}

/** Accepted and established at once: there is no other API server that could object. */
export function establish(crd: KubeObject, now: string): void {
  const before: KubeFields[] = crd.status?.conditions ?? [];
  const condition = (type: string, reason: string, message: string) =>
    before.find((entry) => entry.type === type && entry.status === "True") ?? {
      type,
      status: "True",
      lastTransitionTime: now,
      reason,
      message,
    };
  const storage = crd.spec.versions.find((version: KubeFields) => version.storage === true)?.name;
  const stored: string[] = crd.status?.storedVersions ?? [];
  crd.status = {
    ...crd.status,
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
      ...before.filter((entry) => entry.type === "Terminating"),
    ],
    acceptedNames: crd.spec.names,
    storedVersions: stored.includes(storage) ? stored : [...stored, storage],
  };
}
