import { Cron } from "croner";
import { expect, it, vi } from "vitest";
import type { ObjectCache } from "../../ports/kube.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { frozenBy, scheduleProblem } from "./freezes.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const HOUR = 3_600_000;

const freeze = (name: string, spec: object): KubeObject => ({
  apiVersion: "aviary.flagger.app/v1alpha1",
  kind: "CanaryFreeze",
  metadata: { namespace: "test", name },
  spec: { by: "tenant", ...spec },
});
const cacheOf = (objects: readonly KubeObject[]) =>
  ({
    list: (namespace: string) => objects.filter(({ metadata }) => metadata.namespace === namespace),
  }) as unknown as ObjectCache;
const at = (objects: readonly KubeObject[], now: number) =>
  frozenBy({ namespace: "test", name: "app" }, {}, cacheOf(objects), "home", now);

it.each([
  "0 0 31 2 *",
  "0 0 30 2 *",
  "0 0 30 feb *",
  "0 0 31 2-2 *",
  "0 0 31 2,4,6,9,11 *",
  "0 0 31 4/7 *",
  "0 0 31 4-6/2,feb +1",
  "0 0 31W 2 *",
  "0 0 30-31 2/12 *",
])("a schedule that never comes, %s, is known without a search", (schedule) => {
  const never = freeze("never", { schedule, duration: "1h" });
  const search = vi.spyOn(Cron.prototype, "nextRun");
  expect([at([never], NOW), at([never], NOW + HOUR)]).toEqual([{}, {}]);
  expect(scheduleProblem(schedule)).toMatch(/never comes/);
  expect(search).not.toHaveBeenCalled();
  search.mockRestore();
});

it.each([
  "0 0 31 2 1",
  "0 0 29 2 *",
  "0 0 31 jan *",
  "0 0 L 2 *",
  "0 0 31 */2 *",
  "0 0 31 1,2 *",
  "0 18 * * 5",
  "0 0 1-31 2 *",
])("a schedule that comes, %s, is accepted", (schedule) => expect(scheduleProblem(schedule)).toBeUndefined());

it.each(["0 0 31 13 *", "0 0 31 x *", "0 0 31 ? *", "0 0 ? 2 *", "0 0 31 2/0 *", "x"])(
  "what is no schedule, %s, freezes nothing",
  (schedule) => {
    expect(scheduleProblem(schedule)).toMatch(/is no schedule/);
    expect(at([freeze("odd", { schedule, duration: "1h" })], NOW)).toEqual({});
  },
);

it("windows begin and end at their times, also where they overlap, at any order of questions", () => {
  const daily = freeze("daily", { schedule: "0 18 * * *", duration: "36h" });
  const frozen = (now: number) => at([daily], now).freeze?.until;
  for (const hours of [0, 5.9, 6, 7, 29, 30, 31, 42, 0, 100, 6]) {
    const fresh = at([structuredClone(daily)], NOW + hours * HOUR).freeze?.until;
    expect(frozen(NOW + hours * HOUR), String(hours)).toBe(fresh);
  }
  const search = vi.spyOn(Cron.prototype, "nextRun");
  frozen(NOW);
  const once = search.mock.calls.length;
  for (let minutes = 1; minutes < 300; minutes += 1) frozen(NOW + minutes * 60_000);
  expect(search.mock.calls.length).toBe(once);
  search.mockRestore();
});

it("of several freezes the one counts that no person has lifted, and that holds runs", () => {
  const [sale, audit, move] = [freeze("sale", {}), freeze("audit", { runs: "hold" }), freeze("move", {})];
  const counts = (lifted: readonly string[]) =>
    frozenBy({ namespace: "test", name: "app" }, {}, cacheOf([sale, audit, move]), "home", NOW, lifted).freeze?.name;
  expect(counts([])).toBe("audit");
  expect(counts(["audit"])).toBe("sale");
  expect(counts(["audit", "sale"])).toBe("move");
  expect(counts(["move", "audit", "sale"])).toBe("audit");
});

it("a freeze of the cluster and one of the namespace with the same name are lifted one by one", () => {
  const wide = freeze("sale", { scope: "cluster" });
  const both = [freeze("sale", {}), { ...wide, metadata: { ...wide.metadata, namespace: "home" } }];
  const counts = (lifted: readonly string[]) =>
    frozenBy({ namespace: "test", name: "app" }, {}, cacheOf(both), "home", NOW, lifted).freeze?.name;
  expect(counts(["sale"])).toBe("home/sale");
  expect(counts(["home/sale"])).toBe("sale");
});

it("a namespace with more freezes than can be read is frozen, and its neighbour is not", () => {
  const many = Array.from({ length: 201 }, (_, i) => freeze(`f-${i}`, { until: "2020-01-01T00:00:00Z" }));
  expect(at(many.slice(1), NOW).freeze).toBeUndefined();
  expect(at(many, NOW).freeze?.reason).toBe(
    "the namespace has 201 freezes, and 200 can be read: delete those that are over",
  );
  expect(frozenBy({ namespace: "other", name: "app" }, {}, cacheOf(many), "home", NOW)).toEqual({});
});
