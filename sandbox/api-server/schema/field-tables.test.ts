/** The hand-written tables against the models they are about: a typo there would corrupt objects without a word. */
import { describe, expect, it } from "vitest";
import { BUILTIN_KINDS, builtinSchema } from "./builtin-kinds.ts";
import { LIST_KEYS, PATCH_STRATEGIES, QUANTITY_FIELDS, SET_LISTS, WHOLE_FIELDS, WHOLE_TYPES } from "./field-tables.ts";
import { shortName } from "./models.ts";
import type { SchemaNode } from "./node.ts";

/** Every reachable field as "Type.field". */
function allFields(): Map<string, SchemaNode> {
  const fields = new Map<string, SchemaNode>();
  const seen = new Set<string>();
  const walk = (node: SchemaNode) => {
    if (node.items !== undefined) walk(node.items);
    if (typeof node.additional === "object") walk(node.additional);
    if (node.model === undefined || seen.has(node.model)) return;
    seen.add(node.model);
    for (const [name, child] of node.properties ?? []) {
      fields.set(`${shortName(node.model ?? "")}.${name}`, child);
      walk(child);
    }
  };
  for (const { group, version, kind } of BUILTIN_KINDS) {
    const schema = builtinSchema(group, version, kind);
    if (schema !== undefined) walk(schema.root);
  }
  return fields;
}

const FIELDS = allFields();
const TYPES = new Set([...FIELDS.keys()].map((name) => name.split(".")[0]));

describe("the tables about built-in fields", () => {
  it("name only fields and types that exist", () => {
    const named = [...LIST_KEYS.keys(), ...PATCH_STRATEGIES.keys(), ...SET_LISTS, ...WHOLE_FIELDS, ...QUANTITY_FIELDS];
    expect(named.filter((name) => !FIELDS.has(name))).toEqual([]);
    expect([...WHOLE_TYPES].filter((name) => !TYPES.has(name))).toEqual([]);
  });

  it("name only merge keys that the elements have", () => {
    const keys = [...LIST_KEYS].flatMap(([field, { patch, apply }]) =>
      [...(patch === undefined ? [] : [patch]), ...apply].map((key) => [field, key] as const),
    );
    const wrong = keys.filter(([field, key]) => FIELDS.get(field)?.items?.properties?.has(key) !== true);
    expect(wrong).toEqual([]);
  });

  it.each([
    ["PodSpec.containers", "name", ["name"]],
    ["PodSpec.initContainers", "name", ["name"]],
    ["PodSpec.volumes", "name", ["name"]],
    ["PodSpec.imagePullSecrets", "name", ["name"]],
    ["PodSpec.hostAliases", "ip", ["ip"]],
    ["PodSpec.topologySpreadConstraints", "topologyKey", ["topologyKey", "whenUnsatisfiable"]],
    ["Container.ports", "containerPort", ["containerPort", "protocol"]],
    ["Container.env", "name", ["name"]],
    ["Container.volumeMounts", "mountPath", ["mountPath"]],
    ["Container.volumeDevices", "devicePath", ["devicePath"]],
    ["ServiceSpec.ports", "port", ["port", "protocol"]],
    ["ServiceAccount.secrets", "name", ["name"]],
    ["ObjectMeta.ownerReferences", "uid", ["uid"]],
    ["DeploymentStatus.conditions", "type", ["type"]],
  ])("%s is patched by %s and applied by %j", (field, patchKey, applyKeys) => {
    const node = FIELDS.get(field);
    expect(node?.patch?.key).toBe(patchKey);
    expect(node?.list).toEqual({ type: "map", keys: applyKeys });
  });

  it.each([
    "Container.command",
    "Container.args",
    "Container.envFrom",
    "PodSpec.tolerations",
    "ServiceAccount.imagePullSecrets",
    "HorizontalPodAutoscalerSpec.metrics",
    "IngressSpec.rules",
    "EndpointSlice.endpoints",
    "PolicyRule.verbs",
    "LabelSelector.matchExpressions",
    "CustomResourceDefinitionSpec.versions",
  ])("%s is replaced as a whole by patches and applies", (field) => {
    expect(FIELDS.get(field)?.patch).toBeUndefined();
    expect(FIELDS.get(field)?.list?.type).toBe("atomic");
  });

  it("knows the fields that are merged or replaced against their type", () => {
    expect(FIELDS.get("ObjectMeta.finalizers")).toMatchObject({
      patch: { strategies: ["merge"] },
      list: { type: "set" },
    });
    expect(FIELDS.get("DeploymentSpec.strategy")?.patch?.strategies).toEqual(["retainKeys"]);
    expect(FIELDS.get("PodSpec.volumes")?.patch?.strategies).toEqual(["merge", "retainKeys"]);
    expect(FIELDS.get("DeploymentSpec.selector")?.atomic).toBe(true);
    expect(FIELDS.get("ServiceSpec.selector")?.atomic).toBe(true);
    expect(FIELDS.get("ObjectMeta.labels")?.atomic).toBeUndefined();
    expect(FIELDS.get("PersistentVolumeSpec.claimRef")?.atomic).toBeUndefined();
  });
});
