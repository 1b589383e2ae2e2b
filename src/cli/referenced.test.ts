/**
 * MetricTemplates and AlertProviders that are missing or malformed: `lint` and `plan` name object, field, cause and
 * cure, and fail when no release can succeed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { aWireCanary } from "../testing/canary.ts";
import type { Command } from "./command.ts";
import { lintCommand } from "./commands/lint.ts";
import { planCommand } from "./commands/plan.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-referenced-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

async function printed(command: Command, items: readonly KubeObject[]) {
  const file = join(FOLDER, "all.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", metadata: {}, items }));
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const code = await command.run({ argv: [file], out, err: out, env: {}, signal: new AbortController().signal });
  return { code, text };
}

const flagger = (kind: string, spec: KubeFields, name = "web"): KubeObject => ({
  apiVersion: "flagger.app/v1beta1",
  kind,
  metadata: { name, namespace: "test" },
  spec,
});
const template = (provider: KubeFields, query = "up") => flagger("MetricTemplate", { provider, query });
const alerts = (spec: KubeFields) => flagger("AlertProvider", spec);
const secret = (stringData: KubeFields): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "keys", namespace: "test" },
  stringData,
});
const PROMETHEUS = { type: "prometheus", address: "http://prometheus:9090" };
const KEYS = { secretRef: { name: "keys" } };
const SLACK = { type: "slack", address: "https://hooks.slack.com/services/x" };

const canary = (name = "web") =>
  aWireCanary({
    analysis: {
      interval: "1m",
      threshold: 5,
      stepWeight: 10,
      maxWeight: 50,
      metrics: [{ name: "mine", templateRef: { name }, thresholdRange: { max: 1 } }],
      alerts: [{ name: "ours", severity: "info", providerRef: { name } }],
    },
  });

/** Object, then what stands in its line: the field, the cause and the cure. */
const MALFORMED: Readonly<Record<string, readonly [readonly KubeObject[], readonly string[]]>> = {
  "a provider of an unknown type": [
    [template({ ...PROMETHEUS, type: "promethoius" })],
    ["spec.provider.type", "Unsupported value", 'did you mean "prometheus"?'],
  ],
  "an address without a scheme": [
    [template({ ...PROMETHEUS, address: "prometheus:9090" })],
    ["spec.provider.address", "should match", "beginning with http://"],
  ],
  "no region": [[template({ type: "cloudwatch" })], ["spec.provider.region", "not specified", "set it"]],
  "no credentials": [
    [template({ type: "datadog" })],
    ["spec.provider.secretRef", "does not contain datadog_api_key", "add the key to the Secret"],
  ],
  "a Secret without the key": [
    [template({ type: "datadog", ...KEYS }), secret({ datadog_api_key: "a" })],
    ["spec.provider.secretRef", "does not contain datadog_application_key", "add the key to the Secret"],
  ],
  "an empty query": [[template(PROMETHEUS, " ")], ["spec.query is empty", "answers with one number"]],
  "a query that cannot be read": [
    [template(PROMETHEUS, "sum({{ target )")],
    ["spec.query", "template parsing failed", "correct the action between {{ and }}"],
  ],
  "alerts of an unknown type": [
    [alerts({ ...SLACK, type: "slak" })],
    ["spec.type", "Unsupported value", 'did you mean "slack"?'],
  ],
  "alerts to no address": [
    [alerts({ type: "slack" })],
    ["one and only one schema", "give one of spec.address and spec.secretRef"],
  ],
  "alerts to an address without a scheme": [
    [alerts({ ...SLACK, address: "hooks.slack.com" })],
    ["spec.address", "should match", "beginning with http://"],
  ],
  "alerts whose Secret has an address without a scheme": [
    [alerts({ type: "slack", ...KEYS }), secret({ address: "hooks.slack.com" })],
    ["spec.secretRef.address", "invalid Slack hook URL", "beginning with http://"],
  ],
  "alerts through a proxy without a scheme": [
    [alerts({ ...SLACK, proxy: "proxy:3128" })],
    ["spec.proxy", "unable to parse proxy URL", "give it as http://HOST:PORT"],
  ],
  "alerts whose Secret has no address": [
    [alerts({ type: "slack", ...KEYS }), secret({ token: "x" })],
    ["spec.secretRef", "has no address", "add the key address"],
  ],
};

describe("malformed", () => {
  it.each(Object.entries(MALFORMED))("%s", async (_, [objects, says]) => {
    const all = [canary(), ...objects];
    const { kind = "" } = objects[0] ?? {};
    const linted = await printed(lintCommand, all);
    expect(linted.code).toBe(1);
    const line = linted.text.split("\n").find((one) => one.startsWith(`error ${kind.toLowerCase()}/web in test: `));
    for (const words of says) expect(line).toContain(words);

    const plan = await printed(planCommand, all);
    const field =
      kind === "MetricTemplate" ? "spec.analysis.metrics[0].templateRef" : "spec.analysis.alerts[0].providerRef";
    const wrapped = plan.text.replace(/\s+/g, " ");
    expect(wrapped).toContain(`${field}: ${kind} web: `);
    for (const words of says) expect(wrapped).toContain(words);
    // A release without alerts can succeed; one whose check always fails cannot.
    expect(plan.code).toBe(kind === "MetricTemplate" ? 1 : 0);
  });
});

describe("missing", () => {
  it.each([
    [template(PROMETHEUS), "spec.analysis.metrics[0].templateRef"],
    [alerts(SLACK), "spec.analysis.alerts[0].providerRef"],
  ])("$kind, under a name that is nearly right", async (object, field) => {
    const hint = `${field}: these files hold no ${object.kind} "wep" in test (did you mean "web"?)`;
    for (const command of [lintCommand, planCommand]) {
      const { code, text } = await printed(command, [canary("wep"), object]);
      expect(code).toBe(0);
      expect(text.replace(/\s+/g, " ")).toContain(`${hint}; the cluster must have it`);
    }
  });
});

it("what is well-formed is not mentioned, whether the files hold its Secret or not", async () => {
  const datadog = template({ type: "datadog", ...KEYS }, "avg:{{ target }}{{ variables.more }}");
  const keys = secret({ datadog_api_key: "a", datadog_application_key: "b", address: "https://hooks.test/" });
  for (const more of [[], [keys]]) {
    const objects = [canary(), datadog, alerts({ type: "slack", ...KEYS }), ...more];
    const linted = await printed(lintCommand, objects);
    expect(linted).toMatchObject({ code: 0, text: expect.not.stringContaining("error ") });
    expect((await printed(planCommand, objects)).code).toBe(0);
  }
});
