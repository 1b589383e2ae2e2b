import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { createChangeLog, LIKE_KUBERNETES, type LogBounds } from "./change-log.ts";

const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } };

/** Changes of versions 2, 3, … at times that the test gives. */
function stage(bounds: LogBounds) {
  let time = 0;
  let version = 1;
  const log = createChangeLog(bounds, version, () => time);
  return {
    log,
    /** @param everyMs milliseconds before each change */
    change: (times: number, everyMs = 0) => {
      for (let i = 0; i < times; i += 1) {
        time += everyMs;
        version += 1;
        log.push({ type: "MODIFIED", version, object });
      }
      return version;
    },
    /** How many changes can be resumed from. */
    remembered: () => {
      for (let back = 0; ; back += 1) if (log.since(version - back - 1) === undefined) return back;
    },
  };
}

describe("the log of changes", () => {
  it("gives all that came after a version, and says when it no longer can", () => {
    const { log, change } = stage({ least: 3, most: 10, freshMs: 1_000 });
    expect(log.since(1)).toEqual([]);
    change(3);
    expect(log.since(1)?.map(({ version }) => version)).toEqual([2, 3, 4]);
    expect(log.since(3)?.map(({ version }) => version)).toEqual([4]);
    expect(log.since(0)).toBeUndefined();
    change(1, 2_000);
    expect(log.since(1)).toBeUndefined();
    expect(log.since(2)?.map(({ version }) => version)).toEqual([3, 4, 5]);
  });

  it("keeps what is fresh, the latest few however old they are, and no more than the most", () => {
    const { change, remembered } = stage({ least: 5, most: 50, freshMs: 1_000 });
    change(20, 100);
    expect(remembered()).toBe(11);
    change(1, 3_600_000);
    expect(remembered()).toBe(5);
    change(200, 1);
    expect(remembered()).toBe(50);
  });

  it("is no longer after a day of releases than after a few minutes of them", () => {
    const { change, remembered } = stage(LIKE_KUBERNETES);
    change(400, 1_500);
    expect(remembered()).toBe(100);
    change(10_000, 500);
    expect(remembered()).toBe(151);
  });
});
