import { describe, expect, it } from "vitest";
import { builtinSchema } from "../schema/index.ts";
import { canonicalize, canonicalQuantity } from "./canonical.ts";

describe("quantities", () => {
  // Read off a Kubernetes 1.34 API server.
  it.each([
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["0.5", "500m"],
    [1, "1"],
    [0.1, "100m"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["0.5Ki", "512"],
    ["100Ki", "100Ki"],
    ["1000", "1k"],
    ["1000M", "1G"],
    ["0Mi", "0"],
    ["+5", "5"],
    ["-1000m", "-1"],
  ])("%s is written %s", (given, written) => expect(canonicalQuantity(given)).toBe(written));

  it("that cannot be read stay as they are, so that validation refuses them", () => {
    for (const given of ["", "a lot", ".", true]) expect(canonicalQuantity(given)).toBe(given);
  });
});

describe("what Go omits", () => {
  it("is gone when it is empty; structs and required lists stay", () => {
    const template = {
      spec: {
        hostNetwork: false,
        nodeSelector: {},
        securityContext: {},
        volumes: [{ name: "v", emptyDir: {} }],
        containers: [{ name: "a", args: [], tty: false, env: [{ name: "A", value: "" }], resources: { limits: {} } }],
      },
    };
    const object = { spec: { paused: false, replicas: 0, minReadySeconds: 0, selector: {}, template } };
    canonicalize(builtinSchema("apps", "v1", "Deployment")?.root, object);
    expect(object).toEqual({
      spec: {
        replicas: 0,
        selector: {},
        template: {
          spec: {
            securityContext: {},
            volumes: [{ name: "v", emptyDir: {} }],
            containers: [{ name: "a", env: [{ name: "A" }], resources: {} }],
          },
        },
      },
    });
  });
});
