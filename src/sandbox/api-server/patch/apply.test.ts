import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../ports/kubernetes.ts";
import { builtinSchema } from "../schema/index.ts";
import { conflictMessage, serverSideApply, trackUpdate } from "./index.ts";

const schema = builtinSchema("apps", "v1", "Deployment")!;
const now = "2024-01-01T00:00:00Z";
const later = "2024-01-01T00:01:00Z";

function deployment(spec: Record<string, unknown>): KubeObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "app" }, spec };
}

function apply(
  live: KubeObject | undefined,
  applied: KubeObject,
  manager: string,
  options: { force?: boolean; now?: string } = {},
) {
  return serverSideApply({ schema, live, applied, manager, force: false, now, apiVersion: "apps/v1", ...options });
}

function applied(...args: Parameters<typeof apply>): KubeObject {
  const result = apply(...args);
  if ("conflicts" in result) throw new Error(conflictMessage(result.conflicts));
  return result.object;
}

describe("server-side apply", () => {
  it("records what a manager applied", () => {
    const object = applied(
      undefined,
      deployment({ replicas: 1, template: { spec: { containers: [{ name: "a", image: "i" }] } } }),
      "m",
    );
    expect(object.metadata.managedFields).toEqual([
      {
        manager: "m",
        operation: "Apply",
        apiVersion: "apps/v1",
        time: now,
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:spec": {
            "f:replicas": {},
            "f:template": {
              "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:image": {}, "f:name": {} } } },
            },
          },
        },
      },
    ]);
  });

  it("refuses to take a field from its owner, unless forced", () => {
    const live = trackUpdate({
      schema,
      live: undefined,
      updated: deployment({ replicas: 1 }),
      manager: "kubectl",
      now,
      apiVersion: "apps/v1",
    });
    const result = apply(live, deployment({ replicas: 2 }), "m");
    expect(result).toEqual({
      conflicts: [{ manager: "kubectl", path: ".spec.replicas", owner: `"kubectl" using apps/v1 at ${now}` }],
    });
    const forced = applied(live, deployment({ replicas: 2 }), "m", { force: true, now: later });
    expect(forced.spec).toEqual({ replicas: 2 });
    expect(forced.metadata.managedFields).toHaveLength(1);
  });

  it("removes what its only owner drops", () => {
    const one = applied(undefined, deployment({ replicas: 1, paused: true }), "m");
    const two = applied(one, deployment({ paused: true }), "m");
    expect(two.spec).toEqual({ paused: true });
  });
});
