/**
 * Every manifest that is shipped, held by kubeconform against the schemas of the kinds: those of Kubernetes as the
 * sandbox's API server publishes them, and those of the CRDs. Runs where kubeconform is on PATH, or is named by
 * $KUBECONFORM. $FLUX_CRDS names a file or a folder of Flux's own CRDs; without it Flux's kinds have the open schemas
 * of the sandbox.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILTIN_KINDS } from "../../sandbox/api-server/schema/builtin-kinds.ts";
import { openApiDefinitions } from "../../sandbox/api-server/schema/index.ts";
import { fluxCrds } from "../../sandbox/crds/flux.ts";
import { istioCrds } from "../../sandbox/crds/istio.ts";
import { buildKustomization } from "../../sandbox/flux/kustomize.ts";
import { readFluxCrds } from "../../sandbox/flux/programs.ts";
import { crds } from "../../src/crd/index.ts";
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../src/project-root.ts";

const KUBECONFORM = process.env["KUBECONFORM"] ?? "kubeconform";
const hasKubeconform = spawnSync(KUBECONFORM, ["-v"], { stdio: "ignore" }).status === 0;
const FLUX_CRDS = process.env["FLUX_CRDS"];

/** Kinds of others whose schemas are not at hand. */
const UNKNOWN = ["ServiceMonitor", "PodMonitor", "PrometheusRule", "AuthorizationPolicy", "VirtualNode", "HelmRelease"];
const FLUX = FLUX_CRDS === undefined ? fluxCrds() : readFluxCrds(FLUX_CRDS);
const SKIPPED = UNKNOWN.filter((kind) => FLUX.every(({ spec }) => spec?.names.kind !== kind));

let schemas: string;
beforeAll(() => {
  schemas = mkdtempSync(join(tmpdir(), "aviary schemas-"));
  if (hasKubeconform) writeSchemas(schemas);
});
afterAll(() => rmSync(schemas, { recursive: true }));

const DEFINITIONS = "#/components/schemas/";

/**
 * OpenAPI as JSON Schema: a field that no schema names is an error, and numbers may stand for quantities and ports.
 * @param inner of a part of a union, which does not know the fields of the other parts
 */
function strict(schema: unknown, inner = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => strict(each, inner));
  if (typeof schema !== "object" || schema === null) return schema;
  const fields = schema as KubeFields;
  if (fields["x-kubernetes-int-or-string"] === true || fields["format"] === "int-or-string")
    return { type: ["integer", "string"] };
  const isUnion = (key: string) => key === "allOf" || key === "anyOf" || key === "oneOf" || key === "not";
  const result: KubeFields = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      key === "properties" && typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, strict(each)]))
        : strict(value, isUnion(key)),
    ]),
  );
  const isOpen = fields["x-kubernetes-preserve-unknown-fields"] === true || "additionalProperties" in fields;
  if (fields["properties"] !== undefined && !isOpen && !inner) result["additionalProperties"] = false;
  if (fields["nullable"] === true && typeof fields["type"] === "string") result["type"] = [fields["type"], "null"];
  return result;
}

function writeSchemas(folder: string): void {
  const components = strict(openApiDefinitions()) as Record<string, KubeFields>;
  for (const name of Object.keys(components))
    if (name.endsWith(".Quantity")) components[name] = { type: ["string", "number"] };
  const write = (group: string, version: string, kind: string, schema: KubeFields) => {
    // kubeconform takes what stands before the slash of apiVersion, if any, for the group.
    const file = join(folder, group === "" ? version : group, `${kind.toLowerCase()}_${version}.json`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...schema, components: { schemas: components } }));
  };
  const kindsOf = (schema: KubeFields): { group: string; version: string; kind: string }[] =>
    schema["x-kubernetes-group-version-kind"] ?? [];
  for (const schema of Object.values(components))
    for (const { group, version, kind } of kindsOf(schema)) write(group, version, kind, schema);
  const meta = { $ref: `${DEFINITIONS}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta` };
  for (const { spec } of [...(crds() as readonly KubeObject[]), ...istioCrds(), ...FLUX]) {
    for (const { name, schema } of spec?.versions ?? []) {
      const own = strict(schema.openAPIV3Schema) as KubeFields;
      const head = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: meta };
      write(spec?.group, name, spec?.names.kind, { ...own, properties: { ...own["properties"], ...head } });
    }
  }
}

/** @returns what kubeconform says of each object that is not as it should be */
function problemsOf(text: string): readonly string[] {
  const location = `${schemas}/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json`;
  const words = ["-output", "json", "-schema-location", location, "-skip", SKIPPED.join(","), "-summary", "-"];
  const { stdout, stderr, status } = spawnSync(KUBECONFORM, words, { input: text, encoding: "utf8" });
  if (stdout === "") throw new Error(`kubeconform ended with ${status}: ${stderr}`);
  const { resources = [], summary } = JSON.parse(stdout) as {
    resources?: { kind: string; name: string; msg: string }[];
    summary: { valid: number };
  };
  expect(summary.valid).toBeGreaterThan(0);
  return resources.map(({ kind, name, msg }) => `${kind}/${name}: ${msg}`);
}

const built = (folder: string): string =>
  buildKustomization(PROJECT_ROOT, folder)
    .map((object) => JSON.stringify(object))
    .join("\n---\n");

const foldersIn = (folder: string): readonly string[] =>
  readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "aks" && entry.name !== "base")
    .map(({ name }) => join(folder, name));

const GOLDEN = readdirSync(join(PROJECT_ROOT, "test/charts/golden")).filter((name) => name.endsWith(".golden.yaml"));

describe("kubeconform", () => {
  it.each(GOLDEN)("takes the rendering %s", (name) => {
    if (!hasKubeconform) return expect(hasKubeconform).toBe(false);
    expect(problemsOf(readFileSync(join(PROJECT_ROOT, "test/charts/golden", name), "utf8"))).toEqual([]);
  });

  it.each([
    ...["deploy", "examples/podinfo", "clusters/aks"],
    ...["clusters", "infrastructure", "apps"].flatMap((folder) => foldersIn(folder)),
  ])("takes what kustomize makes of %s", (folder) => {
    if (!hasKubeconform) return expect(hasKubeconform).toBe(false);
    expect(problemsOf(built(folder))).toEqual([]);
  });

  it.each([
    ["a field that is misspelt", { spec: { replica: 1, selector: {}, template: {} } }, /replica/],
    ["a field of another type", { spec: { replicas: "two", selector: {}, template: {} } }, /replicas/],
  ])("refuses %s", (_, fields, said) => {
    if (!hasKubeconform) return expect(hasKubeconform).toBe(false);
    const text = JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, ...fields });
    const location = `${schemas}/apps/deployment_v1.json`;
    const { stdout } = spawnSync(KUBECONFORM, ["-schema-location", location, "-"], { input: text, encoding: "utf8" });
    expect(stdout).toMatch(said);
  });
});

it("there is a schema for every built-in kind of the sandbox", () => {
  const known = Object.values(openApiDefinitions()).flatMap(
    (schema) => (schema as KubeFields)["x-kubernetes-group-version-kind"] ?? [],
  );
  expect(known.length).toBeGreaterThanOrEqual(BUILTIN_KINDS.length);
});
