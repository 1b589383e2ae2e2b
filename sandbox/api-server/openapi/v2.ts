/**
 * `/openapi/v2` as gnostic's OpenAPIv2 protobuf: kubectl before 1.29 reads merge keys from it for every apply, and
 * takes no JSON in its place. Field numbers are those of the public OpenAPIv2.proto.
 */
import { Buffer } from "node:buffer";
import { stringify } from "yaml";
import type { Answer, Call } from "../http/call.ts";
import { block, bool, message } from "../protobuf/encode.ts";
import type { Registry } from "../registry.ts";
import type { Resource, ResourceVersion } from "../resource.ts";
import { schemasOf } from "./schemas.ts";
import { pathsOf } from "./v3.ts";

type Fields = { [key: string]: unknown };

const CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

const documents = new WeakMap<Registry, { readonly revision: number; readonly bytes: Buffer }>();

/** The document; kept until the CRDs change, because old clients ask for it again and again. */
export function openApiV2(call: Call): Answer {
  const { registry } = call.server.store;
  const known = documents.get(registry);
  const revision = registry.revision();
  const bytes = known?.revision === revision ? known.bytes : documentOf(registry);
  documents.set(registry, { revision, bytes });
  call.response.setHeader("content-type", CONTENT_TYPE);
  return { code: 200, body: bytes };
}

function documentOf(registry: Registry): Buffer {
  const targets = registry.all().flatMap((resource) => resource.versions.map((version) => ({ resource, version })));
  const schemas = Object.entries(schemasOf(targets));
  return message(
    block(1, "2.0"),
    block(2, message(block(1, "Kubernetes"), block(2, "v1.33.0-aviary"))),
    block(8, message(...targets.flatMap(patchPaths))),
    block(9, message(...schemas.map(([name, schema]) => block(1, named(name, schemaOf(schema as Fields)))))),
  );
}

const named = (name: string, value: Buffer) => message(block(1, name), block(2, value));
/** `vendor_extension`: a name and its value as YAML. */
const extension = (number: number, name: string, value: unknown) =>
  block(number, named(name, block(2, stringify(value))));

/** Only PATCH: clients look there for the parameters dryRun and fieldValidation. */
function patchPaths(target: { readonly resource: Resource; readonly version: ResourceVersion }): Buffer[] {
  return Object.entries(pathsOf(target)).flatMap(([path, item]) => {
    const patch = (item as { patch?: Fields }).patch;
    if (patch === undefined) return [];
    const parameters = (patch["parameters"] as { name: string }[]).map(({ name }) => block(8, queryParameter(name)));
    const kind = "x-kubernetes-group-version-kind";
    const operation = message(...parameters, extension(13, kind, patch[kind]));
    return [block(2, named(path, block(8, operation)))];
  });
}

/** ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema. */
function queryParameter(name: string): Buffer {
  const query = message(block(2, "query"), block(4, name), block(6, "string"));
  return block(1, block(2, block(3, query)));
}

/** Extensions that matter to clients. */
const EXTENSIONS = [
  "x-kubernetes-group-version-kind",
  "x-kubernetes-patch-strategy",
  "x-kubernetes-patch-merge-key",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-int-or-string",
];

function schemaOf(schema: Fields): Buffer {
  const parts: Buffer[] = [];
  const text = (number: number, value: unknown) => {
    if (typeof value === "string" && value !== "") parts.push(block(number, value));
  };
  text(1, referenceOf(schema));
  text(2, schema["format"]);
  text(4, schema["description"]);
  for (const name of (schema["required"] as string[] | undefined) ?? []) text(19, name);
  const additional = schema["additionalProperties"];
  if (typeof additional === "object") parts.push(block(21, block(1, schemaOf(additional as Fields))));
  else if (additional === true) parts.push(block(21, bool(2, true)));
  const type = typeOf(schema);
  if (type !== undefined) parts.push(block(22, block(1, type)));
  if (schema["items"] !== undefined) parts.push(block(23, block(1, schemaOf(schema["items"] as Fields))));
  const properties = Object.entries((schema["properties"] as Fields | undefined) ?? {});
  if (properties.length > 0) {
    const list = properties.map(([name, property]) => block(1, named(name, schemaOf(property as Fields))));
    parts.push(block(25, message(...list)));
  }
  for (const name of EXTENSIONS) {
    if (schema[name] !== undefined) parts.push(extension(31, name, schema[name]));
  }
  return Buffer.concat(parts);
}

/** Version 3 wraps references that carry a description: `allOf: [{ $ref }]`. */
function referenceOf(schema: Fields): string | undefined {
  const [only, ...others] = (schema["allOf"] as Fields[] | undefined) ?? [schema];
  const reference = others.length === 0 ? only?.["$ref"] : undefined;
  return typeof reference === "string" ? reference.replace("#/components/schemas/", "#/definitions/") : undefined;
}

/** Version 2 knows no alternatives: int-or-string is a string there. */
function typeOf(schema: Fields): string | undefined {
  if (schema["type"] !== undefined) return String(schema["type"]);
  if (schema["oneOf"] !== undefined || schema["x-kubernetes-int-or-string"] === true) return "string";
  return undefined;
}
