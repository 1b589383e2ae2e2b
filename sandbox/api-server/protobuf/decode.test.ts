/**
 * What Go clients send, which write their typed objects in binary: objects as Kubernetes' own Go packages (1.36) encode
 * them.
 */
import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { decodeProtobuf } from "./decode.ts";
import { block } from "./encode.ts";
import vectors from "./go.golden.json" with { type: "json" };

/** Go writes empty messages where JSON leaves them out. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, meaning(field)] as const);
  return Object.fromEntries(fields.filter(([, field]) => JSON.stringify(field) !== "{}"));
}

describe("Kubernetes protobuf", () => {
  it.each(vectors.map(({ protobuf, json }) => [json.kind, protobuf, json] as const))(
    "of a %s is read as its JSON",
    (_kind, protobuf, json) => {
      expect(meaning(decodeProtobuf(Buffer.from(protobuf, "base64")))).toEqual(json);
    },
  );

  it("of DeleteOptions is read in every group: those of autoscaling/v2 are no others", () => {
    const options = block(4, "Background");
    const typeMeta = Buffer.concat([block(1, "autoscaling/v2"), block(2, "DeleteOptions")]);
    const body = Buffer.concat([Buffer.from("k8s\0"), block(1, typeMeta), block(2, options)]);
    expect(decodeProtobuf(body)).toMatchObject({ kind: "DeleteOptions", propagationPolicy: "Background" });
  });
});
