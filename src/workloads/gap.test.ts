import { describe, expect, it } from "vitest";
import { daemonSetHasGap, deploymentHasGap, statefulSetHasGap } from "./gap.ts";

const rolling = (maxSurge?: number | string, maxUnavailable?: number | string) => ({
  type: "RollingUpdate",
  rollingUpdate: {
    ...(maxSurge === undefined ? {} : { maxSurge }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
  },
});

describe("a gap, in which no pod can serve while pods are replaced", () => {
  it.each([
    ["Recreate", { type: "Recreate" }, 3, true],
    ["no strategy", undefined, 1, false],
    ["no strategy, more pods", undefined, 5, false],
    ["one pod without surge", rolling(0), 1, true],
    ["neither limit", rolling(0, 0), 1, true],
    ["neither limit, two pods", rolling(0, 0), 2, false],
    ["all may be missing", rolling(0, "100%"), 4, true],
    ["all may be missing, though others may be more", rolling(1, "100%"), 4, true],
    ["as many as there are may be missing", rolling(1, 2), 2, true],
    ["one stays", rolling(0, 1), 2, false],
    ["half of one rounds down", rolling(1, "50%"), 1, false],
  ])("Deployment: %s", (_, strategy, replicas, gap) => {
    expect(deploymentHasGap(strategy, replicas)).toBe(gap);
  });

  it.each([
    ["one node", undefined, 1, true],
    ["two nodes", undefined, 2, false],
    ["one node, with a surge", rolling(1, 0), 1, false],
    ["all nodes at once", rolling(0, "100%"), 3, true],
    ["half of three nodes, rounded up", rolling(0, "50%"), 3, false],
  ])("DaemonSet: %s", (_, strategy, nodes, gap) => {
    expect(daemonSetHasGap(strategy, nodes)).toBe(gap);
  });

  it.each([
    ["one pod", undefined, 1, 1, true],
    ["two pods", undefined, 2, 2, false],
    ["two pods, one of which can serve", undefined, 2, 1, true],
    ["two pods at once", rolling(undefined, 2), 2, 2, true],
  ])("StatefulSet: %s", (_, strategy, replicas, available, gap) => {
    expect(statefulSetHasGap(strategy, replicas, available)).toBe(gap);
  });
});
