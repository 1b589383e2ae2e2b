/** Requests that go past the mesh: the operator counts them, and says that users are not split as promised. */
import { it } from "vitest";
import { factsOf } from "../../../src/cli/steer/facts.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PORT } from "./manifests.ts";
import type { StoryRun } from "./story-run.ts";

const OFF = /not split as promised: the canary got [\d.]+ % of [\d,]+ requests, promised were 1\d %; /;

export function split(run: StoryRun): void {
  it.concurrent("an event names users who call the canary's own Service, so does `aviary show`, and the release goes on", async ({
    expect,
  }) => {
    const name = "past-the-mesh";
    const addressOf = (service: string) =>
      run.fixture.sandbox.cluster.get(RESOURCES.service, name, service)?.spec?.clusterIP;
    const story = await run.stage(name, {
      // Half of the requests go to the canary. Each step promises far less: one step with enough users shows it.
      analysis: { interval: "10s", stepWeights: [10, 12, 14, 16, 18], threshold: 1000 },
      // Load tests name the canary's Service, which would explain the requests.
      load: 0,
      requestsPerSecond: 60,
      people: ({ ingress }) => [
        { doors: [ingress] },
        { doors: [{ url: `http://${addressOf("podinfo-canary")}:${PORT}` }] },
      ],
    });
    await story.release({ version: "6.0.1" });
    const found = await story.untilStatus("found", ({ aviary }) => aviary?.offSplit !== undefined);
    expect(factsOf(found).what).toMatch(OFF);
    await story.heard(/Requests of podinfo\.past-the-mesh are not split as promised/);
    const { failedByPrimary } = await story.end("Succeeded");
    expect(failedByPrimary).toBe(0);
    const said = story.everything().filter((text) => text.includes("not split as promised"));
    expect(said).toHaveLength(1);
  });
}
