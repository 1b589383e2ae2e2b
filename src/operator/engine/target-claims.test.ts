import { beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { createTargetClaims, type TargetClaims } from "./target-claims.ts";

let lines: string[];
let woken: string[];
let claims: TargetClaims;

beforeEach(() => {
  lines = [];
  woken = [];
  const log: Log = {
    ...SILENT_LOG,
    error: (fields) => void lines.push("canary" in fields ? String(fields.canary) : ""),
  };
  claims = createTargetClaims(log, ({ name }) => void woken.push(name));
});

/** Born on the given day. */
function born(name: string, day: number, kind = "Deployment", target = "podinfo"): KubeObject {
  const canary = aWireCanary({ name, spec: { targetRef: { apiVersion: "apps/v1", kind, name: target } } });
  return { ...canary, metadata: { ...canary.metadata, creationTimestamp: `2026-01-0${day}T00:00:00Z` } };
}

const add = (object: KubeObject) => claims.observe({ type: "added", object });
const waits = (name: string) => claims.conflictOf({ namespace: "test", name });

describe("canaries on one target", () => {
  it("only the eldest goes on, in any order of arrival; names decide between those of one second", () => {
    add(born("young", 3));
    add(born("b", 1));
    add(born("a", 1));
    expect(waits("a")).toBeUndefined();
    expect(waits("b")).toBe(
      "spec.targetRef Deployment podinfo.test is released by canary a.test already: delete this canary, or let it take " +
        "over with kubectl delete canary a -n test --cascade=orphan",
    );
    expect(waits("young")).toContain("kubectl delete canary a -n test --cascade=orphan");
    expect(lines).toEqual(["b.test", "young.test", "a.test"]);
  });

  it("a thousand of them are named once each, and those that wait are not woken by the next one", () => {
    const many = Array.from({ length: 1000 }, (_, i) => born(`app-${String(i).padStart(4, "0")}`, 1));
    for (const object of many) add(object);
    expect(lines).toHaveLength(many.length);
    expect(woken).toEqual([]);
    expect(waits("app-0999")).toContain("is released by canary app-0000.test already");
    add(born("older", 0));
    expect(woken).toHaveLength(many.length);
    expect(waits("app-0000")).toContain("is released by canary older.test already");
  });

  it("the next one goes on when the eldest goes, or turns to another target", () => {
    add(born("old", 1));
    add(born("young", 2));
    woken.length = 0;
    claims.observe({ type: "modified", object: born("old", 1, "Deployment", "other"), old: born("old", 1) });
    expect(woken).toEqual(["young"]);
    expect(waits("young")).toBeUndefined();
    claims.observe({ type: "modified", object: born("old", 1), old: born("old", 1, "Deployment", "other") });
    expect(waits("young")).toBeDefined();
    claims.observe({ type: "deleted", object: born("old", 1), old: born("old", 1) });
    expect(waits("young")).toBeUndefined();
  });

  it("Q14: kinds are told apart by what waits, not by what is logged", () => {
    add(born("web", 1));
    add(born("agent", 2, "DaemonSet"));
    expect(lines).toEqual(["agent.test", "web.test"]);
    expect(waits("agent")).toBeUndefined();
  });

  it("a status that changes says nothing again", () => {
    add(born("old", 1));
    add(born("young", 2));
    lines.length = 0;
    claims.observe({
      type: "modified",
      object: { ...born("young", 2), status: { phase: "x" } },
      old: born("young", 2),
    });
    expect(lines).toEqual([]);
  });
});
