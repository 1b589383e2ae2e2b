/** Request bodies: JSON, YAML or Kubernetes protobuf, checked against the path they were sent to. */
import type { Buffer } from "node:buffer";
import { parseYaml } from "../../../src/json/yaml.ts";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import { badRequest, invalid } from "../errors.ts";
import { decodeProtobuf } from "../protobuf/decode.ts";
import { apiVersionFor, type Target } from "../resource.ts";
import { prune, unknownFields } from "../schema/index.ts";
import type { Call } from "./call.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const ACCEPTED = ["application/json", "application/yaml", PROTOBUF];

/** 415 as the API server words it. */
export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const types = accepted.join(", ");
  const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
  return new ApiError(415, "UnsupportedMediaType", message);
}

/** The Content-Type without its parameters. */
export function contentType(call: Call): string {
  return (call.request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Any body as a JSON value; undefined when it is empty. @throws ApiError 400, 415 */
export function decodeBody(bytes: Buffer, type: string): KubeFields {
  if (bytes.length === 0) return undefined;
  if (type === PROTOBUF) return decodeProtobuf(bytes);
  if (type === "application/yaml") return parsed(() => parseYaml(bytes.toString("utf8")), "yaml");
  if (type === "" || type === "application/json") return parsed(() => JSON.parse(bytes.toString("utf8")), "json");
  throw unsupportedMediaType(ACCEPTED);
}

function parsed(parse: () => unknown, language: string): KubeFields {
  try {
    return parse();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`couldn't get version/kind; ${language} parse error: ${why}`);
  }
}

/** The object in a request's body, of the kind that the path expects, without unknown fields. @throws ApiError */
export async function objectIn(call: Call, target: Target): Promise<KubeObject> {
  const object = decodeBody(await call.body(), contentType(call));
  return checkedObject(call, target, object);
}

/** Checks kind and version and deals with unknown fields as `fieldValidation` asks. @throws ApiError 400 */
export function checkedObject(call: Call, target: Target, given: unknown): KubeObject {
  if (!isObject(given)) throw badRequest("the request body is not a Kubernetes object");
  const { resource, version } = target;
  const expected = apiVersionFor(resource, version.name);
  const { apiVersion = expected, kind = resource.kind, metadata } = given;
  if (apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (kind !== resource.kind && resource.custom) {
    const message = `Invalid value: ${JSON.stringify(kind)}: must be ${resource.kind}`;
    const { name = "" } = isObject(metadata) ? metadata : {};
    throw invalid({ ...resource, kind: String(kind) }, name, [{ path: "kind", message, reason: "FieldValueInvalid" }]);
  }
  if (kind !== resource.kind) {
    throw badRequest(`${kind} in version "${version.name}" cannot be handled as a ${resource.kind}: wrong kind`);
  }
  const object = { ...given, apiVersion, kind, metadata: isObject(metadata) ? metadata : { name: "" } } as KubeObject;
  return withoutUnknown(call, target, object, (words) =>
    badRequest(`${kind} in version "${version.name}" cannot be handled as a ${kind}: strict decoding error: ${words}`),
  );
}

/** Drops unknown fields: silently, with warnings (the default), or not at all. @param refuse the error for Strict */
export function withoutUnknown(
  call: Call,
  { resource: { custom }, version }: Target,
  object: KubeObject,
  refuse: (words: string) => ApiError,
): KubeObject {
  const schema = version.schema();
  if (schema === undefined) return object;
  const validation = call.query.get("fieldValidation") ?? "Warn";
  const unknown = validation === "Ignore" ? [] : unknownFields(schema, object);
  // Of built-in kinds in the order of the document, of custom resources by name.
  const words = (custom ? unknown.sort() : unknown).map((path) => `unknown field "${path}"`);
  if (words.length > 0 && validation === "Strict") throw refuse(words.join(", "));
  call.warnings.push(...words);
  return validation === "Ignore" || words.length > 0 ? prune(schema, object) : object;
}

/** True for JSON objects. */
export function isObject(value: unknown): value is KubeFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
