/** The lists of groups and resources, which clients read first, in the old form and in the aggregated one. */
import { noSuchResource } from "../errors.ts";
import type { Registry } from "../registry.ts";
import type { Resource, ResourceVersion } from "../resource.ts";
import { mediaTypes } from "./accept.ts";
import { type Answer, type Call, ok } from "./call.ts";

const SCALE = { group: "autoscaling", version: "v1", kind: "Scale" };
const PART_VERBS = ["get", "patch", "update"];
const AGGREGATED = "apidiscovery.k8s.io";

interface Part {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** Subresources of one version, in alphabetical order. */
export function partsOf(resource: Resource, version: ResourceVersion): readonly Part[] {
  const own = { group: resource.group, version: version.name, kind: resource.kind };
  const parts: Part[] = resource.subresources.map((part) =>
    part.version === "" ? { ...part, ...own, kind: part.kind } : part,
  );
  if (version.status) parts.push({ name: "status", ...own, verbs: PART_VERBS });
  if (version.scale !== undefined) parts.push({ name: "scale", ...SCALE, verbs: PART_VERBS });
  return parts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Groups with their served versions, the preferred one first; the core group has no name. */
export function groupsOf(registry: Registry): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { group, versions } of registry.all()) {
    const known = groups.get(group) ?? [];
    known.push(...versions.map(({ name }) => name).filter((name) => !known.includes(name)));
    groups.set(group, known);
  }
  return groups;
}

function served(registry: Registry, group: string, version: string) {
  return registry.all().flatMap((resource) => {
    const found = resource.group === group ? resource.versions.find(({ name }) => name === version) : undefined;
    return found === undefined ? [] : [{ resource, version: found }];
  });
}

/** `/api` and `/apis`. */
export function discoverGroups(call: Call, core: boolean): Answer {
  const { registry } = call.server.store;
  const groups = [...groupsOf(registry)].filter(([group]) => (group === "") === core);
  const aggregated = aggregatedVersion(call);
  if (aggregated !== undefined) {
    const type = `application/json;g=${AGGREGATED};v=${aggregated};as=APIGroupDiscoveryList`;
    call.response.setHeader("content-type", type);
    const items = groups.map(([group, versions]) => aggregatedGroup(registry, group, versions));
    return ok({ kind: "APIGroupDiscoveryList", apiVersion: `${AGGREGATED}/${aggregated}`, metadata: {}, items });
  }
  if (core) {
    const address = `${call.request.socket.localAddress}:${call.request.socket.localPort}`;
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: address }];
    return ok({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs });
  }
  return ok({
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map(([group, versions]) => groupOf(group, versions)),
  });
}

function groupOf(name: string, versions: readonly string[]) {
  const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: entries, preferredVersion: entries[0] };
}

/** The newest aggregated form the client takes; undefined for the old form. */
function aggregatedVersion(call: Call): string | undefined {
  for (const { type, parameters } of mediaTypes(call.accept)) {
    if (type !== "application/json" || parameters.get("as") !== "APIGroupDiscoveryList") continue;
    const version = parameters.get("v") ?? "";
    if (parameters.get("g") === AGGREGATED && (version === "v2" || version === "v2beta1")) return version;
  }
  return undefined;
}

function aggregatedGroup(registry: Registry, group: string, versions: readonly string[]) {
  return {
    metadata: { name: group, creationTimestamp: null },
    versions: versions.map((name) => ({
      version: name,
      freshness: "Current",
      resources: served(registry, group, name).map(({ resource, version }) => aggregatedResource(resource, version)),
    })),
  };
}

function aggregatedResource(resource: Resource, version: ResourceVersion) {
  const parts = partsOf(resource, version);
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version: version.name, kind: resource.kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(parts.length > 0 && {
      subresources: parts.map(({ name, group, version: partVersion, kind, verbs }) => ({
        subresource: name,
        responseKind: { group, version: partVersion, kind },
        verbs,
      })),
    }),
  };
}

/** True when some version of the group is served. */
export function servesGroup(registry: Registry, group: string): boolean {
  return group !== "" && groupsOf(registry).has(group);
}

/** `/apis/{group}`. @throws ApiError 404 */
export function discoverGroup(call: Call, name: string): Answer {
  const versions = groupsOf(call.server.store.registry).get(name);
  if (versions === undefined || name === "") throw noSuchResource();
  return ok({ kind: "APIGroup", apiVersion: "v1", ...groupOf(name, versions) });
}

/** `/api/v1` and `/apis/{group}/{version}`. @throws ApiError 404 */
export function discoverResources(call: Call, group: string, version: string): Answer {
  const found = served(call.server.store.registry, group, version);
  if (found.length === 0) throw noSuchResource();
  const resources = found.flatMap((target) => [
    listed(target.resource),
    ...listedParts(target.resource, target.version),
  ]);
  const groupVersion = group === "" ? version : `${group}/${version}`;
  return ok({ kind: "APIResourceList", apiVersion: "v1", groupVersion, resources });
}

function listed(resource: Resource) {
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
  };
}

function listedParts(resource: Resource, version: ResourceVersion) {
  return partsOf(resource, version).map((part) => {
    const foreign = part.group !== resource.group || part.version !== version.name;
    return {
      name: `${resource.plural}/${part.name}`,
      singularName: "",
      namespaced: resource.namespaced,
      ...(foreign && { group: part.group, version: part.version }),
      kind: part.kind,
      verbs: part.verbs,
    };
  });
}
