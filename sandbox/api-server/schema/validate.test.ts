import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { applyDefaults, crdSchema, prune, unknownFields, validate } from "./index.ts";

type Spec = Record<string, unknown>;

const object = (spec: unknown): KubeObject => ({ apiVersion: "e/v1", kind: "E", metadata: { name: "e" }, spec });
const schemaOf = (spec: Spec) => crdSchema({ type: "object", properties: { spec } });
const complaints = (spec: Spec, value: unknown, old?: unknown) =>
  validate(schemaOf(spec), object(value), old === undefined ? undefined : object(old)).map(
    ({ path, message }) => `${path}: ${message}`,
  );

const text = { type: "string" };
const of = (x: Spec) => ({ type: "object", properties: { x } });

describe("validation of custom resources, word for word", () => {
  it.each<[Spec, unknown, string[]]>([
    [{ type: "integer" }, "a", ['spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"']],
    [{ type: "integer" }, 1.5, ['spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"']],
    [{ type: "number" }, 1, []],
    [text, null, ['spec.x: Invalid value: "null": spec.x in body must be of type string: "null"']],
    [{ ...text, nullable: true }, null, []],
    [
      { type: "array", items: text },
      [1],
      ['spec.x[0]: Invalid value: "integer": spec.x[0] in body must be of type string: "integer"'],
    ],
    [{ ...text, enum: ["a", "b"] }, "c", ['spec.x: Unsupported value: "c": supported values: "a", "b"']],
    [{ type: "integer", enum: [1, 2] }, 3, ['spec.x: Unsupported value: 3: supported values: "1", "2"']],
    [{ ...text, pattern: "^a+$" }, "b", [`spec.x: Invalid value: "b": spec.x in body should match '^a+$'`]],
    [{ ...text, minLength: 2 }, "b", ['spec.x: Invalid value: "b": spec.x in body should be at least 2 chars long']],
    [{ ...text, maxLength: 2 }, "bbb", ["spec.x: Too long: may not be more than 2 bytes"]],
    [
      { type: "integer", minimum: 1 },
      0,
      ["spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"],
    ],
    [
      { type: "integer", maximum: 9 },
      10,
      ["spec.x: Invalid value: 10: spec.x in body should be less than or equal to 9"],
    ],
    [
      { type: "number", minimum: 0, exclusiveMinimum: true },
      0,
      ["spec.x: Invalid value: 0: spec.x in body should be greater than 0"],
    ],
    [{ type: "integer", multipleOf: 5 }, 7, ["spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"]],
    [{ type: "array", items: text, maxItems: 1 }, ["a", "b"], ["spec.x: Too many: 2: must have at most 1 items"]],
    [
      { type: "array", items: text, minItems: 1 },
      [],
      ["spec.x: Invalid value: []: spec.x in body should have at least 1 items"],
    ],
    [
      { type: "object", additionalProperties: text },
      { k: 1 },
      ['spec.x.k: Invalid value: "integer": spec.x.k in body must be of type string: "integer"'],
    ],
    [
      { "x-kubernetes-int-or-string": true },
      true,
      ['spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'],
    ],
    [{ "x-kubernetes-int-or-string": true }, "50%", []],
    [
      { ...text, format: "date-time" },
      "today",
      ['spec.x: Invalid value: "today": spec.x in body must be of type date-time: "today"'],
    ],
    [{ ...text, format: "string" }, "anything", []],
    [{ type: "array", items: text, "x-kubernetes-list-type": "set" }, ["a", "a"], ['spec.x[1]: Duplicate value: "a"']],
    [
      { anyOf: [{ required: ["a"] }, { required: ["b"] }], type: "object" },
      {},
      ['<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)', "spec.x.a: Required value"],
    ],
    [
      { not: { required: ["a"] }, type: "object" },
      { a: 1 },
      ['<nil>: Invalid value: "": "spec.x" must not validate the schema (not)'],
    ],
    [
      { allOf: [{ required: ["a"] }], type: "object" },
      {},
      [
        "spec.x.a: Required value",
        '<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated',
      ],
    ],
  ])("%j refuses %j", (x, value, expected) => {
    expect(complaints(of(x), { x: value })).toEqual(expected);
  });

  it("tells elements of keyed lists apart", () => {
    const item = { type: "object", properties: { k: text, v: text } };
    const list = { type: "array", items: item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] };
    const value = { x: [{ k: "a", v: "1" }, { k: "b" }, { k: "a", v: "2" }] };
    expect(complaints(of(list), value)).toEqual(['spec.x[2]: Duplicate value: {"k":"a"}']);
  });

  it("does not judge again what an update leaves alone", () => {
    const strict = { type: "object", properties: { x: { ...text, pattern: "^a+$" }, y: text } };
    expect(complaints(strict, { x: "b", y: "2" }, { x: "b", y: "1" })).toEqual([]);
    expect(complaints(strict, { x: "c", y: "2" }, { x: "b", y: "1" })).toHaveLength(1);
  });

  it("checks what a CRD demands of the name", () => {
    const metadata = { type: "object", properties: { name: { ...text, maxLength: 2 } } };
    const schema = crdSchema({ type: "object", properties: { metadata } });
    const long = { ...object({}), metadata: { name: "long", labels: { a: "b" } } };
    expect(validate(schema, long).map(({ path }) => path)).toContain("metadata.name");
    expect(unknownFields(schema, long)).toEqual(["spec"]);
  });
});

describe("CEL rules", () => {
  const rule = (x: Spec, ...rules: Spec[]) => of({ ...x, "x-kubernetes-validations": rules });

  it.each<[Spec, Spec, unknown, string[]]>([
    [
      { type: "integer" },
      { rule: "self > 1", message: "too small" },
      1,
      ['spec.x: Invalid value: "integer": too small'],
    ],
    [{ type: "integer" }, { rule: "self > 1" }, 1, ['spec.x: Invalid value: "integer": failed rule: self > 1']],
    [{ type: "integer" }, { rule: "self > 1" }, 2, []],
    [{ type: "number" }, { rule: "self > 1.0" }, 1.5, []],
    [text, { rule: "false", messageExpression: '"no " + self' }, "x", ['spec.x: Invalid value: "string": no x']],
    [text, { rule: "self.matches('^a')" }, "b", [`spec.x: Invalid value: "string": failed rule: self.matches('^a')`]],
    [text, { rule: "self.matches('^(?i)a+$')" }, "aA", []],
    [
      { type: "object", properties: { a: text } },
      { rule: "has(self.a)", reason: "FieldValueRequired", fieldPath: ".a" },
      {},
      ["spec.x.a: Required value: failed rule: has(self.a)"],
    ],
    [
      { type: "array", items: text },
      { rule: "self.all(v, size(v) < 3)" },
      ["a", "abc"],
      ['spec.x: Invalid value: "array": failed rule: self.all(v, size(v) < 3)'],
    ],
    [{ type: "object", properties: { "a-b": text } }, { rule: "self.a__dash__b == 'c'" }, { "a-b": "c" }, []],
    [{ type: "object", additionalProperties: text }, { rule: "self.all(k, k == self[k])" }, { a: "a" }, []],
    [
      { "x-kubernetes-int-or-string": true },
      { rule: "type(self) == int ? self > 0 : self != ''" },
      0,
      ["spec.x: Invalid value: \"object\": failed rule: type(self) == int ? self > 0 : self != ''"],
    ],
    [
      { type: "object" },
      { rule: "self.nothing == 1" },
      {},
      ['spec.x: Invalid value: "object": No such key: nothing evaluating rule: self.nothing == 1'],
    ],
  ])("%j with %j judge %j", (x, cel, value, expected) => {
    expect(complaints(rule(x, cel), { x: value })).toEqual(expected);
  });

  it("compare with the old value only where there is one", () => {
    const immutable = rule(text, { rule: "self == oldSelf", message: "immutable" });
    expect(complaints(immutable, { x: "b" })).toEqual([]);
    expect(complaints(immutable, { x: "b" }, {})).toEqual([]);
    expect(complaints(immutable, { x: "b" }, { x: "b" })).toEqual([]);
    expect(complaints(immutable, { x: "b" }, { x: "a" })).toEqual(['spec.x: Invalid value: "string": immutable']);
    const once = rule(text, { rule: "oldSelf.hasValue() || self == 'new'", optionalOldSelf: true });
    expect(complaints(once, { x: "new" })).toEqual([]);
    expect(complaints(once, { x: "old" })).toHaveLength(1);
    expect(complaints(once, { x: "old" }, { x: "older" })).toEqual([]);
  });

  it("wait until the structure is right", () => {
    const schema = { ...rule({ type: "integer" }, { rule: "self > 1" }), required: ["y"] };
    expect(complaints(schema, { x: 0 })).toEqual([
      "spec.y: Required value",
      "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; " +
        "correct the existing errors to complete validation",
    ]);
  });
});

/** The shapes of the Canary CRD that are not plain types. */
const CANARY = (() => {
  const number = { type: "number" };
  const match = (...names: string[]) => ({
    type: "object",
    oneOf: [
      { not: { anyOf: names.map((name) => ({ required: [name] })) } },
      ...names.map((name) => ({ required: [name] })),
    ],
    properties: Object.fromEntries(names.map((name) => [name, { type: "string", format: "string" }])),
  });
  const backendRef = {
    type: "object",
    required: ["name"],
    properties: {
      group: { ...text, default: "", maxLength: 253 },
      kind: { ...text, default: "Service", minLength: 1, maxLength: 63 },
      name: { ...text, minLength: 1 },
      port: { type: "integer", format: "int32", minimum: 1, maximum: 65535 },
    },
    "x-kubernetes-validations": [
      {
        message: "Must have port for Service reference",
        rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
      },
    ],
  };
  const branch = (last: string) => ({ required: ["interval", "threshold", last] });
  return crdSchema({
    type: "object",
    properties: {
      spec: {
        type: "object",
        required: ["targetRef", "analysis"],
        properties: {
          targetRef: {
            type: "object",
            required: ["kind"],
            properties: { kind: { ...text, enum: ["DaemonSet", "Deployment", "Service"] } },
          },
          service: {
            type: "object",
            required: ["port"],
            properties: {
              port: number,
              targetPort: { "x-kubernetes-int-or-string": true },
              uri: match("exact", "prefix", "regex"),
              // The stray `required` on a list has no effect, on a real cluster as here.
              mirror: {
                type: "array",
                required: ["backendRef"],
                items: { type: "object", properties: { backendRef } },
              },
            },
          },
          analysis: {
            type: "object",
            oneOf: [branch("iterations"), branch("stepWeight"), branch("stepWeights")],
            properties: {
              interval: { ...text, pattern: "^[0-9]+(m|s)" },
              threshold: number,
              iterations: number,
              stepWeight: number,
              stepWeights: { type: "array", items: number },
              maxWeight: number,
            },
          },
        },
      },
    },
  });
})();

describe("the constraints of the Canary CRD", () => {
  const canary = (service: Spec, analysis: Spec = {}): KubeObject => ({
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "c" },
    spec: {
      targetRef: { kind: "Deployment" },
      service: { port: 80, ...service },
      analysis: { interval: "1m", threshold: 5, stepWeight: 10, maxWeight: 50, ...analysis },
    },
  });
  const refused = (...args: Parameters<typeof canary>) =>
    validate(CANARY, applyDefaults(CANARY, prune(CANARY, canary(...args)))).map(
      ({ path, message }) => `${path}: ${message}`,
    );

  it("takes exactly one way to count steps", () => {
    const words = (rest: string) =>
      `<nil>: Invalid value: "": "spec.analysis" must validate one and only one schema (oneOf). ${rest}`;
    expect(refused({})).toEqual([]);
    expect(refused({}, { iterations: 3 })[0]).toBe(words("Found 2 valid alternatives"));
    expect(refused({}, { stepWeight: null })).toContain(words("Found none valid"));
    expect(refused({}, { stepWeight: null })).toContain("spec.analysis.iterations: Required value");
  });

  it("demands a port of mirrored services, after defaults", () => {
    expect(refused({ mirror: [{ backendRef: { name: "x" } }] })).toEqual([
      'spec.service.mirror[0].backendRef: Invalid value: "object": Must have port for Service reference',
    ]);
    expect(refused({ mirror: [{ backendRef: { name: "x", port: 80 } }] })).toEqual([]);
    expect(refused({ mirror: [{ backendRef: { name: "x", kind: "Other" } }, {}] })).toEqual([]);
  });

  it("takes at most one kind of string match", () => {
    expect(refused({ uri: {} })).toEqual([]);
    expect(refused({ uri: { prefix: "/" } })).toEqual([]);
    expect(refused({ uri: { prefix: "/", exact: "/" } })).toHaveLength(1);
  });

  it("takes ports by number and by name, and nothing else", () => {
    expect(refused({ targetPort: "http" })).toEqual([]);
    expect(refused({ targetPort: true })).toHaveLength(2);
    expect(refused({ port: "80" })[0]).toMatch(/must be of type number: "string"/);
  });
});

describe("pruning and defaults of custom resources", () => {
  it("keep what preserve-unknown-fields covers, and whole objects inside", () => {
    const schema = schemaOf({
      type: "object",
      properties: {
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { known: of(text) } },
        pod: { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: of(text) } },
        port: { "x-kubernetes-int-or-string": true },
      },
    });
    const before = object({
      free: { any: { thing: 1 }, known: { x: "1", lost: 1 } },
      pod: { apiVersion: "v1", kind: "Pod", metadata: { name: "p", lost: 1 }, spec: { x: "1" }, lost: 1 },
      port: 80,
      lost: 1,
    });
    expect(unknownFields(schema, before)).toEqual([
      "spec.free.known.lost",
      "spec.pod.metadata.lost",
      "spec.pod.lost",
      "spec.lost",
    ]);
    expect(prune(schema, before).spec).toEqual({
      free: { any: { thing: 1 }, known: { x: "1" } },
      pod: { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { x: "1" } },
      port: 80,
    });
  });

  it("fill defaults in defaults, in lists and maps, and take nulls for absent", () => {
    const inner = {
      type: "object",
      default: {},
      properties: { x: { ...text, default: "1" }, y: { ...text, nullable: true, default: "2" } },
    };
    const schema = schemaOf({
      type: "object",
      properties: {
        inner,
        list: { type: "array", items: inner },
        map: { type: "object", additionalProperties: inner },
      },
    });
    const before = object({ list: [{ x: null, y: null }], map: { a: {}, b: { x: "3" } } });
    expect(applyDefaults(schema, before).spec).toEqual({
      inner: { x: "1", y: "2" },
      list: [{ x: "1", y: null }],
      map: { a: { x: "1", y: "2" }, b: { x: "3", y: "2" } },
    });
    expect(applyDefaults(schema, { ...before, spec: null }).spec).toBeUndefined();
  });
});
