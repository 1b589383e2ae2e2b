/**
 * `/openapi/v3`: an index, and one JSON document per group version. kubectl reads from it how to merge (apply), what to
 * explain, and from the parameters of PATCH which checks it may leave to the server.
 */
import { noSuchResource } from "../errors.ts";
import { type Answer, type Call, ok } from "../http/call.ts";
import { groupsOf } from "../http/discovery.ts";
import type { Registry } from "../registry.ts";
import { apiVersionFor, type Resource, type ResourceVersion } from "../resource.ts";
import { schemasOf } from "./schemas.ts";

type Target = { readonly resource: Resource; readonly version: ResourceVersion };

const rootOf = (group: string, version: string) => (group === "" ? `api/${version}` : `apis/${group}/${version}`);

/** The index; the hash in each address changes when the document does, i.e. with the CRDs. */
export function openApiIndex(call: Call): Answer {
  const { registry } = call.server.store;
  const paths: Record<string, unknown> = {};
  for (const [group, versions] of groupsOf(registry)) {
    for (const version of versions) {
      const root = rootOf(group, version);
      paths[root] = { serverRelativeURL: `/openapi/v3/${root}?hash=${hashOf(registry, group)}` };
    }
  }
  return ok({ paths });
}

function hashOf(registry: Registry, group: string): string {
  const custom = registry.all().some((resource) => resource.group === group && resource.custom);
  return custom ? `CRD${registry.revision()}` : "BUILTIN";
}

/** The document of one group version. @throws ApiError 404 */
export function openApiV3(call: Call, path: readonly string[]): Answer {
  const [group = "", version = ""] = path[0] === "api" ? ["", path[1]] : path.slice(1);
  const targets = call.server.store.registry.all().flatMap((resource): Target[] => {
    const found = resource.versions.find(({ name }) => name === version);
    return resource.group === group && found !== undefined ? [{ resource, version: found }] : [];
  });
  if (targets.length === 0) throw noSuchResource();
  return ok({
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.33.0-aviary" },
    paths: Object.assign({}, ...targets.map(pathsOf)),
    components: { schemas: schemasOf(targets) },
  });
}

const query = (name: string, description: string, type = "string") => ({
  name,
  in: "query",
  description,
  schema: { type, uniqueItems: true },
});

const WRITE_PARAMETERS = [
  query("dryRun", "When present, indicates that modifications should not be persisted."),
  query("fieldManager", "The name associated with the actor or entity that is making these changes."),
  query("fieldValidation", "Instructs the server on how to handle unknown or duplicate fields."),
];
const FORCE = query("force", "Take fields over from other managers.", "boolean");

/** The paths of a resource: its collection and its objects. */
export function pathsOf({ resource, version }: Target): Record<string, unknown> {
  const { group, kind, plural, namespaced, verbs } = resource;
  const root = `/${rootOf(group, version.name)}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const operation = (action: string, parameters: readonly unknown[] = []) => ({
    description: `${action} ${apiVersionFor(resource, version.name)} ${kind}`,
    parameters,
    responses: { 200: { description: "OK" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version: version.name, kind },
  });
  if (!verbs.includes("get")) return { [collection]: { post: operation("post", WRITE_PARAMETERS) } };
  return {
    [collection]: {
      get: operation("list"),
      post: operation("post", WRITE_PARAMETERS),
      delete: operation("deletecollection"),
    },
    [`${collection}/{name}`]: {
      get: operation("get"),
      put: operation("put", WRITE_PARAMETERS),
      patch: operation("patch", [...WRITE_PARAMETERS, FORCE]),
      delete: operation("delete"),
    },
  };
}
