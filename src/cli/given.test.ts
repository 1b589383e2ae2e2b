/** `aviary plan` and `aviary lint` over several manifests: objects in the files that get in each other's way. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../ports/kubernetes.ts";
import { aWireCanary } from "../testing/canary.ts";
import { lintCommand } from "./commands/lint.ts";
import { planCommand } from "./commands/plan.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-given-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

function written(objects: readonly KubeObject[]): string {
  const file = join(FOLDER, "all.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", metadata: { name: "all" }, items: objects }));
  return file;
}

async function lint(...objects: readonly KubeObject[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const { signal } = new AbortController();
  const code = await lintCommand.run({ argv: [written(objects)], out, err: out, env: {}, signal });
  return { code, text };
}

async function plan(...objects: readonly KubeObject[]): Promise<unknown> {
  const { signal } = new AbortController();
  const ignore = () => undefined;
  return planCommand.run({ argv: [written(objects)], out: ignore, err: ignore, env: {}, signal });
}

function deployment(name: string, labels: Record<string, string>): KubeObject {
  const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } } };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "test" }, spec };
}

const plain = (kind: string, name: string): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace: "test" },
});

describe("two targets of one selector", () => {
  const blue = aWireCanary({ name: "blue" });
  const red = aWireCanary({ name: "red" });
  const shared = [deployment("blue", { app: "shop" }), deployment("red", { app: "shop" }), blue, red];

  it("are refused by lint, both, with the label that they share", async () => {
    const { code, text } = await lint(...shared);
    expect(code).toBe(1);
    expect(text).toContain(
      "error canary/blue in test: the pods of Deployment blue-primary.test could not be told apart from the pods of " +
        "Deployment red-primary.test, which are selected by app=shop-primary as well: " +
        "give Deployment blue a label of its own in spec.selector.matchLabels",
    );
    expect(text).toContain("error canary/red in test: the pods of Deployment red-primary.test could not be told apart");
  });

  it("are refused by plan", async () => {
    await expect(plan(...shared)).rejects.toThrow(/blue.test: the pods of Deployment blue-primary.test could not be/);
  });

  it("are accepted when a further label tells the pods apart", async () => {
    const apart = ["blue", "red"].map((name) => deployment(name, { app: "shop", instance: name }));
    expect(await lint(...apart, blue, red)).toMatchObject({ code: 0 });
  });

  it("are refused when the selector of one is a part of the other's", async () => {
    const { text } = await lint(
      deployment("blue", { app: "shop" }),
      deployment("red", { app: "shop", x: "y" }),
      blue,
      red,
    );
    expect(text).toContain(
      "error canary/blue in test: the pods of Deployment blue-primary.test could not be told apart",
    );
  });

  it("are accepted in two namespaces", async () => {
    const other = deployment("red", { app: "shop" });
    other.metadata.namespace = "other";
    const away = aWireCanary({ name: "red", namespace: "other" });
    expect(await lint(deployment("blue", { app: "shop" }), other, blue, away)).toMatchObject({ code: 0 });
  });
});

describe("an object that has the name of one that will be made", () => {
  const app = [deployment("podinfo", { app: "podinfo" }), aWireCanary()];

  it.each([
    ["Deployment", deployment("podinfo-primary", { app: "podinfo-primary" })],
    ["Service", plain("Service", "podinfo-primary")],
  ])("%s: refused by lint and plan", async (kind, clash) => {
    const { code, text } = await lint(...app, clash);
    expect(code).toBe(1);
    expect(text).toContain(`error canary/podinfo in test: ${kind} podinfo-primary.test was not made for this canary`);
    await expect(plan(...app, clash)).rejects.toThrow(/was not made for this canary/);
  });

  it("a copied ConfigMap: refused", async () => {
    const target = deployment("podinfo", { app: "podinfo" });
    target.spec.template.spec.containers = [{ name: "app", envFrom: [{ configMapRef: { name: "db" } }] }];
    const { text } = await lint(target, plain("ConfigMap", "db"), plain("ConfigMap", "db-primary"), aWireCanary());
    expect(text).toContain("ConfigMap db-primary.test was not made for this canary (it has no owner)");
  });

  it("a Service that the Canary takes over: accepted", async () => {
    expect(await lint(...app, plain("Service", "podinfo"))).toMatchObject({ code: 0 });
  });

  it("objects that were made for the Canary: accepted", async () => {
    const made = plain("Service", "podinfo-primary");
    const [, canary] = app;
    const owner = {
      apiVersion: "flagger.app/v1beta1",
      kind: "Canary",
      name: "podinfo",
      uid: canary?.metadata.uid ?? "",
    };
    made.metadata.ownerReferences = [owner];
    expect(await lint(...app, made)).toMatchObject({ code: 0 });
  });
});

describe("a MetricTemplate with variables that nothing quotes", () => {
  const template = (query: string): KubeObject => ({
    ...plain("MetricTemplate", "latency"),
    apiVersion: "flagger.app/v1beta1",
    spec: { provider: { type: "prometheus", address: "http://prometheus.test" }, query },
  });
  const metrics = [{ name: "m", templateRef: { name: "latency" }, thresholdRange: { max: 1 }, interval: "1m" }];
  const canary = aWireCanary({ analysis: { metrics } });
  const said =
    "spec.query: {{ variables.ns }} is not quoted, so that the author of a Canary can write a query of their own";

  async function planText(...objects: readonly KubeObject[]): Promise<string> {
    let text = "";
    const out = (more: string) => {
      text += more;
    };
    const { signal } = new AbortController();
    await planCommand.run({ argv: [written(objects)], out, err: out, env: {}, signal });
    return text.replaceAll(/\s+/g, " ");
  }

  it("is warned of by lint and by the plan of its Canaries", async () => {
    const bare = template('sum(rate(m{ns="{{ variables.ns }}"}[1m]))');
    const linted = await lint(canary, bare);
    expect(linted).toMatchObject({
      code: 0,
      text: expect.stringContaining(`warning metrictemplate/latency in test: ${said}`),
    });
    expect(await planText(canary, bare)).toContain(`note: MetricTemplate latency: ${said}`);
    const other = { ...bare, metadata: { ...bare.metadata, namespace: "other" } };
    expect(await planText(canary, other)).not.toContain("not quoted");
  });

  it("that are quoted is fine", async () => {
    const { text } = await lint(canary, template('sum(rate(m{ns={{ printf "%q" variables.ns }}}[1m]))'));
    expect(text).toContain("1 Canary: 0 errors, 0 warnings");
  });
});
