/**
 * One operator for many Canaries: it is killed, and then removed from the cluster with its CRDs, while users send
 * requests.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { beforeCanary } from "./manifests.ts";
import { stage } from "./story.ts";

const { crd: CRD, deployment: DEPLOYMENT } = RESOURCES;
const notAborted = new AbortController().signal;

let fixture: Fixture;

// Each has its own sandbox, because the uninstallation removes shared objects.
beforeEach(async () => {
  fixture = await startFixture();
});

afterEach(() => fixture.stop());

const gone = (object: KubeObject | undefined) => object === undefined;

it("the one operator of many Canaries is killed during all their runs: each run ends", async () => {
  const match = [{ headers: { "x-canary": { exact: "insider" } } }];
  const analyses = {
    progressive: { stepWeights: [30, 60] },
    tested: { iterations: 3, match },
    switched: { iterations: 3 },
  };
  const stories = await Promise.all(
    Object.entries(analyses).map(([name, analysis]) => stage(fixture, name, { analysis })),
  );
  await Promise.all(stories.map((story) => story.release({ version: "6.0.1" })));
  await Promise.all(stories.map((story) => story.untilPhase("Progressing")));
  await stories[0]?.untilWeight(30);
  await fixture.killOperator();
  for (const story of stories) {
    const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
  }
});

it("the CRDs are removed first: every Canary hands back its objects, idle or in a run; then the operator is removed", async () => {
  const plot = (name: string) => ({
    target: beforeCanary(name),
    analysis: { stepWeights: [60, 80] },
    spec: { revertOnDeletion: true },
    requestsPerSecond: 20,
  });
  const names = ["resting", "running"] as const;
  const [resting, running] = await Promise.all([
    stage(fixture, "resting", plot("resting")),
    stage(fixture, "running", plot("running")),
  ]);
  await running.release({ version: "6.0.1" });
  await running.untilWeight(60);
  for (const plural of ["canaries", "metrictemplates", "alertproviders"]) {
    await fixture.client.kube.delete({ type: CRD, namespace: "", name: `${plural}.flagger.app` }, {}, notAborted);
  }
  await fixture.until({ type: CRD, namespace: "", name: "canaries.flagger.app" }, "gone", gone);
  for (const namespace of names) {
    await fixture.until({ type: DEPLOYMENT, namespace, name: "podinfo-primary" }, "gone", gone);
  }
  const operator = { type: DEPLOYMENT, namespace: "istio-system", name: "flagger" };
  await fixture.client.kube.delete(operator, { propagation: "Foreground" }, notAborted);
  await fixture.until(operator, "gone", gone);
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
  expect(fixture.sandbox.cluster.list(CRD, "").filter(({ spec }) => spec.group === "flagger.app")).toEqual([]);
});
