/** The table of judges is the only list of them. */
import { describe, expect, it } from "vitest";
import { canaryCrd } from "../../crd/index.ts";
import { aCanary, aWireCanary } from "../../testing/canary.ts";
import { PARSE_OPTIONS } from "../../testing/tables.ts";
import { parseSpec } from "../spec/parse.ts";
import { limitsOf, violation } from "../turn/checks.ts";
import type { Judge } from "./judge.ts";
import { JUDGES, judgeOf } from "./table.ts";

const REF = { namespace: "test", name: "podinfo" };
const metric = { name: "errors", interval: "1m", threshold: 0, thresholdRange: { max: 5 } };

describe("the table of judges", () => {
  it("names each judge by its key", () => {
    expect(Object.values(JUDGES).map(({ name }) => name)).toEqual(Object.keys(JUDGES));
  });

  it("is the enum of the CRD", () => {
    expect(JSON.stringify(canaryCrd())).toContain(JSON.stringify({ enum: Object.keys(JUDGES) }).slice(1, -1));
  });

  it.each(Object.keys(JUDGES))("lets a Canary name %s", (judge) => {
    const canary = aCanary({ analysis: { metrics: [{ name: "errors", query: "vector(1)", judge }] } });
    expect(judgeOf(canary.spec.analysis.metrics[0] ?? {}).name).toBe(judge);
  });

  it("refuses a Canary that names another judge, and lists the judges", () => {
    const wire = aWireCanary({ analysis: { metrics: [{ name: "errors", judge: "dice" }] } });
    const known = Object.keys(JUDGES).join(", ");
    expect(parseSpec(wire.spec, "test", PARSE_OPTIONS)).toMatchObject({
      kind: "invalid",
      problem: `invalid canary spec: spec.analysis.metrics[0].judge: "dice" is not a judge, use one of ${known}`,
    });
  });

  it("decides alone: a row that is added judges the metrics that name it, and no others", () => {
    const even: Judge = {
      name: "even",
      about: "a value passes when it is even",
      limits: () => ({}),
      judge: ({ value }) =>
        value % 2 === 0 ? { kind: "pass" } : { kind: "fail", finding: `errors ${value} is odd`, data: { value } },
    };
    const judges = { ...JUDGES, even };
    const probe = { kind: "metric", source: "query", of: "canary" } as const;
    const byEven = { ...probe, metric: { ...metric, judge: "even" } };
    expect(violation(byEven, 7, REF, judges)).toBe("Halt podinfo.test advancement errors 7 is odd");
    expect(violation(byEven, 8, REF, judges)).toBeUndefined();
    expect(violation({ ...probe, metric }, 8, REF, judges)).toBe("Halt podinfo.test advancement errors 8.00 > 5");
  });

  it("uses thresholds for a metric without a judge, as recorded histories have them", () => {
    expect(judgeOf({})).toBe(JUDGES["thresholds"]);
    expect(limitsOf(metric, "query")).toEqual({ max: 5 });
  });
});
