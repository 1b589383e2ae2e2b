/**
 * The Helm charts. Their renderings are kept as golden files. Where helm is on PATH (or named by $HELM), the test
 * renders the charts and compares. Without helm, a fingerprint shows whether the golden files belong to the charts as
 * they are. UPDATE=1 writes the golden files.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../src/project-root.ts";

const CASES = {
  "aviary-defaults": { chart: "aviary", release: "flagger", namespace: "istio-system" },
  "aviary-all": { chart: "aviary", release: "flagger", namespace: "istio-system", values: "aviary-all.values.yaml" },
  "aviary-flagger-values": {
    chart: "aviary",
    release: "flagger",
    namespace: "flagger-system",
    values: "flagger.values.yaml",
  },
  "loadtester-defaults": { chart: "loadtester", release: "flagger-loadtester", namespace: "test" },
  "loadtester-all": {
    chart: "loadtester",
    release: "flagger-loadtester",
    namespace: "test",
    values: "loadtester-all.values.yaml",
  },
} as const satisfies Record<string, { chart: string; release: string; namespace: string; values?: string }>;

const here = (name: string) => join(PROJECT_ROOT, "test/charts/golden", name);
const HELM = process.env["HELM"] ?? "helm";
const hasHelm = canRun(HELM);
const update = process.env["UPDATE"] === "1";

function canRun(program: string): boolean {
  try {
    execFileSync(program, ["version", "--short"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A digest of every file that shapes a rendering. */
function fingerprint(chart: string): string {
  const folder = join(PROJECT_ROOT, "charts", chart);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(yaml|yml|tpl|json)$/.test(name) && !name.startsWith("crds"))
    .sort();
  const hash = createHash("sha256");
  for (const name of files)
    hash
      .update(name)
      .update("\0")
      .update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 16);
}

function render({
  chart,
  release,
  namespace,
  values,
}: (typeof CASES)[keyof typeof CASES] & { values?: string }): string {
  const more = values === undefined ? [] : ["-f", here(values)];
  const folder = join(PROJECT_ROOT, "charts", chart);
  const argv = ["template", release, folder, "-n", namespace, "--kube-version", "1.34.0", ...more];
  return `# charts/${chart} ${fingerprint(chart)}\n${execFileSync(HELM, argv, { encoding: "utf8" })}`;
}

const objectsOf = (name: string): KubeObject[] =>
  parseAllDocuments(readFileSync(here(`${name}.golden.yaml`), "utf8"))
    .map((document) => document.toJS() as KubeObject)
    .filter((object) => object !== null);

const containersOf = (object: KubeObject): readonly KubeFields[] => object.spec?.template.spec.containers ?? [];

describe.each(Object.entries(CASES))("chart rendering %s", (name, chart) => {
  it("equals the golden file", () => {
    const file = here(`${name}.golden.yaml`);
    if (update && hasHelm) writeFileSync(file, render(chart));
    const golden = readFileSync(file, "utf8");
    if (hasHelm) expect(render(chart)).toBe(golden);
    else
      expect(golden.split("\n")[0], "run this test with helm and UPDATE=1").toBe(
        `# charts/${chart.chart} ${fingerprint(chart.chart)}`,
      );
  });

  it("gives every object a name, a namespace where it has one, and the chart's labels", () => {
    const policies = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    const clusterWide = ["ClusterRole", "ClusterRoleBinding", ...policies];
    for (const object of objectsOf(name)) {
      expect(object.metadata.name).toMatch(/^[a-z0-9.-]+$/);
      if (!clusterWide.includes(object.kind)) expect(object.metadata.namespace, object.kind).toBeTruthy();
      expect(object.metadata.labels?.["app.kubernetes.io/managed-by"]).toBe("Helm");
    }
  });

  it("has pods that satisfy the Pod Security Standard restricted", () => {
    const pods = objectsOf(name).filter(({ kind }) => kind === "Deployment");
    expect(pods.length).toBeGreaterThan(0);
    for (const pod of pods) {
      for (const container of containersOf(pod)) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        });
      }
    }
  });
});

const deployment = (name: string): KubeObject => {
  const found = objectsOf(name).find(({ kind }) => kind === "Deployment");
  if (found === undefined) throw new Error(`${name} renders no Deployment`);
  return found;
};

describe("a values file of Flagger's chart", () => {
  it("keeps the names and the selector of Flagger's release, so that helm can upgrade the release in place", () => {
    const { metadata, spec } = deployment("aviary-flagger-values");
    expect(metadata.name).toBe("flagger");
    expect(spec?.selector.matchLabels).toEqual({
      "app.kubernetes.io/name": "flagger",
      "app.kubernetes.io/instance": "flagger",
    });
  });

  it("does not bring Flagger's image, which does not know the chart's arguments", () => {
    expect(containersOf(deployment("aviary-flagger-values"))[0]?.image).toMatch(/aviary:/);
  });
});

it("the heap of Node fits the memory limit of the chart", () => {
  const [{ env, resources } = {}] = containersOf(deployment("aviary-defaults"));
  expect(resources.limits.memory).toBe("512Mi");
  expect(env).toContainEqual({ name: "NODE_OPTIONS", value: "--max-old-space-size=384" });
});

it("the CRDs of the chart are those of deploy/", () => {
  const crds = (folder: string) =>
    readdirSync(join(PROJECT_ROOT, folder))
      .filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml")
      .sort();
  expect(crds("charts/aviary/crds")).toEqual(crds("deploy/crds"));
  for (const name of crds("deploy/crds")) {
    expect(readFileSync(join(PROJECT_ROOT, "charts/aviary/crds", name), "utf8")).toBe(
      readFileSync(join(PROJECT_ROOT, "deploy/crds", name), "utf8"),
    );
  }
});

it("helm reads nothing but CRDs in the folder crds: any other object there fails every installation", () => {
  const folder = join(PROJECT_ROOT, "charts/aviary");
  const ignored = readFileSync(join(folder, ".helmignore"), "utf8").split("\n");
  const kinds = readdirSync(join(folder, "crds"))
    .filter((name) => !ignored.includes(`crds/${name}`))
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, "crds", name), "utf8")))
    .map((document) => (document.toJS() as KubeObject).kind);
  expect(new Set(kinds)).toEqual(new Set(["CustomResourceDefinition"]));
});

it("versions of the charts and of the package are the same", () => {
  const { version } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8"));
  for (const chart of ["aviary", "loadtester"]) {
    const { appVersion, version: own } = parse(readFileSync(join(PROJECT_ROOT, "charts", chart, "Chart.yaml"), "utf8"));
    expect([own, appVersion]).toEqual([version, version]);
  }
});

it("the dashboards are JSON and ask for metrics that the operator has", () => {
  const folder = join(PROJECT_ROOT, "charts/aviary/files/dashboards");
  const reference = readFileSync(join(PROJECT_ROOT, "docs/reference/operator.md"), "utf8");
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    expect(() => JSON.parse(text)).not.toThrow();
    for (const [metric = ""] of text.matchAll(/flagger_[a-z_]+/g)) expect(reference).toContain(`\`${metric}\``);
  }
});
