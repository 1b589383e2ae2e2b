import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { templateReading } from "./template-reading.ts";

const container = { image: "podinfo:1", name: "app", ports: [{ containerPort: 80 }, { containerPort: 90 }] };
const template = {
  metadata: { labels: { app: "x", 'b"': "é" } },
  spec: { containers: [container], hostNetwork: null },
};

describe("the digest of a pod template", () => {
  it("is that of its JSON when the fields are in order", () => {
    const digest = createHash("sha256").update(JSON.stringify(template)).digest("hex");
    expect(templateReading(template)).toEqual({ images: { app: "podinfo:1" }, digest });
  });

  it("does not depend on the order of fields, and depends on the order of lists", () => {
    const { name, image, ports } = container;
    const { labels } = template.metadata;
    const turned = { spec: { hostNetwork: null, containers: [{ ports, name, image }] }, metadata: { labels } };
    expect(templateReading(turned)).toEqual(templateReading(template));
    const other = {
      ...template,
      spec: { ...template.spec, containers: [{ ...container, ports: ports.toReversed() }] },
    };
    expect(templateReading(other)?.digest).not.toBe(templateReading(template)?.digest);
  });

  it("tells texts apart that have a key which every object inherits", () => {
    const digestOf = (text: string) =>
      templateReading({ z: 1, metadata: { labels: JSON.parse(`{"z":"1","__proto__":${text}}`) } } as never)?.digest;
    expect(digestOf('"a"')).not.toBe(digestOf('"b"'));
    expect(digestOf('{"a":1}')).not.toBe(digestOf('{"a":2}'));
  });
});
