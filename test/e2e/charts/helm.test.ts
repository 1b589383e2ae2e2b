/**
 * The charts by a real helm on the sandbox, while users keep asking: install, upgrade in the middle of a run, roll
 * back, uninstall. RBAC is enforced, and the operator has the chart's rules for its provider alone. Runs where helm is
 * on PATH, or is named by $HELM. $FLAGGER_CHART names Flagger's own chart (charts/flagger of Flagger 1.44).
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { type Fixture, startFixture } from "../stories/fixture.ts";
import { beforeCanary } from "../stories/manifests.ts";
import { stage } from "../stories/story.ts";

const run = promisify(execFile);
const HELM = process.env["HELM"] ?? "helm";
const hasHelm = spawnSync(HELM, ["version", "--short"], { stdio: "ignore" }).status === 0;
const FLAGGER_CHART = process.env["FLAGGER_CHART"];
const MESH = "istio-system";
const chart = (name: string) => join(PROJECT_ROOT, "charts", name);

let fixture: Fixture;
let home: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "aviary helm-"));
  if (!hasHelm) return;
  const folders = ["namespaces/istio-system", "namespaces/test", "gateway", "prometheus"];
  fixture = await startFixture({ operators: [], folders });
});
afterEach(async () => {
  if (hasHelm) await fixture.stop();
  rmSync(home, { recursive: true });
});

async function helm(...words: readonly string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: fixture.kubeconfig };
  const { stdout } = await run(HELM, words, { env, cwd: home }).catch((error) => {
    throw new Error(`helm ${words.join(" ")}: ${error.stderr || error.stdout || error.message}`);
  });
  return stdout;
}

/** Helm never upgrades CRDs: the guide "With Helm" has this command for it. */
async function applyCrds(): Promise<void> {
  if (spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" }).status !== 0) return;
  const words = ["apply", "--server-side", "--force-conflicts", "-k", join(chart("aviary"), "crds")];
  await run("kubectl", words, { env: { PATH: process.env["PATH"], HOME: home, KUBECONFIG: fixture.kubeconfig } });
}

const inMesh = ["--namespace", MESH, "--wait", "--timeout", "2m"];
const inTest = ["--namespace", "test", "--wait", "--timeout", "2m"];
const settings = [
  "meshProvider=istio",
  `metricsServer=http://prometheus.${MESH}:9090`,
  "rbac.providers={istio,kubernetes}",
  "extraArgs={-interval-floor=500ms}",
].flatMap((setting) => ["--set", setting]);

const plot = (name: string) => ({
  target: beforeCanary(name),
  analysis: { stepWeights: [30, 60] },
  spec: { revertOnDeletion: true },
  requestsPerSecond: 20,
});

/** What a release left behind, by the labels of Helm's charts. */
function leftBehind(): readonly string[] {
  const types = [RESOURCES.deployment, RESOURCES.service, RESOURCES.configMap, RESOURCES.secret];
  return types
    .flatMap((type) => [...fixture.sandbox.cluster.list(type, MESH), ...fixture.sandbox.cluster.list(type, "test")])
    .filter(({ metadata }: KubeObject) => {
      const labels = metadata.labels ?? {};
      return labels["app.kubernetes.io/managed-by"] === "Helm" || labels["owner"] === "helm";
    })
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

/** Nothing of what the operator said of a Canary is about a right that it lacks. */
const refusals = (namespace: string) => fixture.said(namespace).filter((message) => message.includes("forbidden"));

const revisions = async (release: string, namespace: string): Promise<readonly string[]> => {
  const history = JSON.parse(await helm("history", release, "--namespace", namespace, "--output", "json"));
  return history.map(({ status, description }: Record<string, string>) => `${status}: ${description}`);
};

describe("with helm", () => {
  it("the charts are installed, upgraded in a run, rolled back and uninstalled, and no user notices", async () => {
    if (!hasHelm) return expect(hasHelm).toBe(false);
    await helm("install", "flagger", chart("aviary"), ...inMesh, ...settings);
    await helm("install", "flagger-loadtester", chart("loadtester"), ...inTest);
    const story = await stage(fixture, "helmed", plot("helmed"));
    await story.release({ version: "6.0.1" });
    await story.untilWeight(30);
    await applyCrds();
    await helm(
      "upgrade",
      "flagger",
      chart("aviary"),
      ...inMesh,
      "--reuse-values",
      "--set",
      "podAnnotations.turn=second",
    );
    await helm("upgrade", "flagger-loadtester", chart("loadtester"), ...inTest, "--set", "podAnnotations.turn=second");
    await story.untilPhase("Succeeded");
    await helm("rollback", "flagger", "1", ...inMesh);
    await helm("rollback", "flagger-loadtester", "1", ...inTest);
    await story.release({ version: "6.0.2" });
    await story.untilPhase("Succeeded");
    const steps = ["superseded: Install complete", "superseded: Upgrade complete", "deployed: Rollback to 1"];
    expect(await revisions("flagger", MESH)).toEqual(steps);
    expect(refusals("helmed")).toEqual([]);
    await story.leave();
    await helm("uninstall", "flagger", ...inMesh);
    await helm("uninstall", "flagger-loadtester", ...inTest);
    expect(leftBehind()).toEqual([]);
    const sofar = story.users.answers.length;
    await story.users.until("the target", (answers) => answers.length > sofar + 20);
    const { dropped, injected, answers } = await story.close();
    expect({ dropped, injected }).toEqual({ dropped: [], injected: 0 });
    expect(answers.at(-1)).toMatchObject({ version: "6.0.2", pod: expect.not.stringContaining("-primary") });
    // Helm keeps CRDs, and with them the Canaries of other people.
    expect(fixture.sandbox.cluster.list(RESOURCES.crd, "").some(({ spec }) => spec.group === "flagger.app")).toBe(true);
  });

  it("a value that the schema does not know is refused before anything is installed", async () => {
    if (!hasHelm) return expect(hasHelm).toBe(false);
    const wrong = helm("install", "flagger", chart("aviary"), ...inMesh, "--set", "leaderElection.replicaCount=many");
    await expect(wrong).rejects.toThrow(/values don't meet the specifications of the schema[\s\S]*replicaCount/);
    expect(leftBehind()).toEqual([]);
  });
});

describe("with Flagger's own chart", () => {
  it("only the image is changed: releases go on, then to Aviary's chart and back", async () => {
    if (!hasHelm || FLAGGER_CHART === undefined) return expect(hasHelm && FLAGGER_CHART).toBeFalsy();
    const image = ["image.repository=ghcr.io/aviary-delivery/aviary", "image.tag=0.1.0"];
    const words = [...image, "meshProvider=istio", `metricsServer=http://prometheus.${MESH}:9090`];
    const set = words.flatMap((setting) => ["--set", setting]);
    await helm("install", "flagger", FLAGGER_CHART, ...inMesh, ...set);
    await helm("install", "flagger-loadtester", chart("loadtester"), ...inTest);
    // Flagger's chart has no value for further flags: the interval has Flagger's floor of ten seconds.
    const story = await stage(fixture, "taken", { ...plot("taken"), analysis: { stepWeights: [50] } });
    await story.release({ version: "6.0.1" });
    await story.untilPhase("Succeeded");
    await helm("upgrade", "flagger", chart("aviary"), ...inMesh, ...settings);
    await story.release({ version: "6.0.2" });
    await story.untilPhase("Succeeded");
    await helm("rollback", "flagger", "1", ...inMesh);
    await story.release({ version: "6.0.3" });
    const { dropped } = await story.end("Succeeded");
    expect(dropped).toEqual([]);
    expect(refusals("taken")).toEqual([]);
  });
});

it("says which parts did not run for want of a program", () => {
  const missing = [...(hasHelm ? [] : ["helm"]), ...(FLAGGER_CHART === undefined ? ["$FLAGGER_CHART"] : [])];
  if (missing.length > 0) process.stderr.write(`charts on the sandbox: not tried without ${missing.join(", ")}\n`);
  expect(missing.length).toBeLessThanOrEqual(2);
});
