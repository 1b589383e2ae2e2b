/** What the API server knows about one resource of its API, built-in or defined by a CustomResourceDefinition. */
import type { ResourceType } from "../../src/ports/kubernetes.ts";
import type { ObjectSchema } from "./schema/index.ts";

/** Where the scale subresource finds its numbers, as dotted paths: ".spec.replicas". */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Absent for kinds whose selector is a LabelSelector object at `.spec.selector`. */
  readonly labelSelector?: string;
}

/** A column of `kubectl get`, as CRDs declare them. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

/** One served version of a resource. */
export interface ResourceVersion {
  readonly name: string;
  /** Reads the schema on first use; undefined for kinds without one: then anything goes. */
  readonly schema: () => ObjectSchema | undefined;
  readonly status: boolean;
  readonly scale?: ScalePaths;
  /** Columns of a custom resource; built-in kinds have theirs in table/. */
  readonly columns?: readonly PrinterColumn[];
  /** Fields of a custom resource that field selectors may name: "spec.color". */
  readonly selectableFields?: readonly string[];
  /** The CRD's own schema text, for OpenAPI. */
  readonly openApiSchema?: unknown;
}

export interface Resource {
  readonly group: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Served versions, the preferred one first. */
  readonly versions: readonly ResourceVersion[];
  /** Objects are kept in this version of this group; events.k8s.io shares the objects of the core group. */
  readonly storage: { readonly group: string; readonly version: string; readonly plural: string };
  /** Whether metadata.generation counts changes of the spec. */
  readonly generation: boolean;
  readonly custom: boolean;
  readonly verbs: readonly string[];
  /** Subresources beyond status and scale, with the kind they speak: `pods/log`. */
  readonly subresources: readonly Subresource[];
  /** PUT must name a resourceVersion. */
  readonly versionRequired: boolean;
  /** PUT of a missing object creates it. */
  readonly createOnUpdate: boolean;
}

export interface Subresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** A resource in one of its versions: what a request or a caller inside the sandbox names. */
export interface Target {
  readonly resource: Resource;
  readonly version: ResourceVersion;
}

/** "deployments.apps", or "pods" for the core group, as error messages name resources. */
export function resourceName(resource: Pick<ResourceType, "group" | "plural">): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** "Deployment.apps", as validation errors name kinds. */
export function kindName(resource: Pick<ResourceType, "group" | "kind">): string {
  return resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
}

/** "apps/v1" of a resource in one version. */
export function apiVersionFor(resource: Pick<Resource, "group">, version: string): string {
  return resource.group === "" ? version : `${resource.group}/${version}`;
}

/** Where objects of a resource are kept. */
export function storageKey(resource: Pick<Resource, "storage">): string {
  return `${resource.storage.group}/${resource.storage.plural}`;
}
