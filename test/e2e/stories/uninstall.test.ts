/** One operator for many: it is killed, and then removed from the cluster, definitions and all, while users keep asking. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { beforeCanary } from "./manifests.ts";
import { stage } from "./story.ts";
import { startTown, type Town } from "./town.ts";

vi.setConfig({ testTimeout: 120_000 });

const { crd: CRD, deployment: DEPLOYMENT } = RESOURCES;
const never = new AbortController().signal;

let town: Town;

// One each: what is uninstalled is no town for another telling.
beforeEach(async () => {
  town = await startTown();
});

afterEach(() => town.stop());

const gone = (object: KubeObject | undefined) => object === undefined;

it("the one operator of many Canaries is killed in the middle of all their runs: each comes to its end", async () => {
  const match = [{ headers: { "x-canary": { exact: "insider" } } }];
  const analyses = {
    progressive: { stepWeights: [30, 60] },
    tested: { iterations: 3, match },
    switched: { iterations: 3 },
  };
  const stories = await Promise.all(
    Object.entries(analyses).map(([name, analysis]) => stage(town, name, { analysis })),
  );
  await Promise.all(stories.map((story) => story.release({ version: "6.0.1" })));
  await Promise.all(stories.map((story) => story.untilPhase("Progressing")));
  await stories[0]?.untilWeight(30);
  await town.killOperator();
  for (const story of stories) {
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  }
});

it("the definitions first: every Canary gives back what it has, at rest and in a run; then the operator", async () => {
  const plot = (name: string) => ({
    target: beforeCanary(name),
    analysis: { stepWeights: [60, 80] },
    spec: { revertOnDeletion: true },
    requestsPerSecond: 20,
  });
  const names = ["resting", "running"] as const;
  const [resting, running] = await Promise.all([
    stage(town, "resting", plot("resting")),
    stage(town, "running", plot("running")),
  ]);
  await running.release({ version: "6.0.1" });
  await running.untilWeight(60);
  for (const plural of ["canaries", "metrictemplates", "alertproviders"]) {
    await town.client.kube.delete({ type: CRD, namespace: "", name: `${plural}.flagger.app` }, {}, never);
  }
  await town.until({ type: CRD, namespace: "", name: "canaries.flagger.app" }, "gone", gone);
  for (const namespace of names) {
    await town.until({ type: DEPLOYMENT, namespace, name: "podinfo-primary" }, "gone", gone);
  }
  const operator = { type: DEPLOYMENT, namespace: "istio-system", name: "flagger" };
  await town.client.kube.delete(operator, { propagation: "Foreground" }, never);
  await town.until(operator, "gone", gone);
  for (const [story, version] of [
    [resting, "6.0.0"],
    [running, "6.0.1"],
  ] as const) {
    const sofar = story.users.answers.length;
    await story.users.until("the target", (answers) => answers.length > sofar + 20);
    const { dropped, injected, answers } = await story.close();
    expect({ dropped, injected }).toEqual({ dropped: [], injected: 0 });
    expect(answers.at(-1)).toMatchObject({ version, pod: expect.not.stringContaining("-primary") });
    for (const want of beforeCanary("any").slice(1)) {
      const type = want.kind === "Service" ? RESOURCES.service : RESOURCES.virtualService;
      expect(JSON.stringify(story.get({ type, name: "podinfo" })?.spec)).not.toContain("primary");
    }
  }
  expect(town.sandbox.cluster.list(CRD, "").filter(({ spec }) => spec.group === "flagger.app")).toEqual([]);
});
