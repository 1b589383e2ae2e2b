/** `kill -9` of the operator in the middle of a release: its successor brings it to the very same end. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { KubeFields } from "../../../src/ports/kubernetes.ts";
import { BAD, GOOD, type Revision } from "./manifests.ts";
import { stage } from "./story.ts";
import { startTown, type Town } from "./town.ts";

vi.setConfig({ testTimeout: 120_000 });

const BEGUN = [
  "New revision detected! Scaling up podinfo",
  "Starting canary analysis for podinfo",
  "Pre-rollout check load-start passed",
  "Pre-rollout check warm-up passed",
];
const PROMOTED = [
  "Copying podinfo template spec to podinfo-primary",
  "Routing all traffic to primary",
  "Promotion completed! Scaling down podinfo",
];
const WEIGHTS = ["Advance podinfo canary weight 30", "Advance podinfo canary weight 60"];
const INSIDERS = { headers: { "x-canary": { exact: "insider" } } };

interface Row {
  readonly name: string;
  readonly analysis: KubeFields;
  readonly revision: Revision;
  readonly killedWhen: (status: KubeFields) => boolean;
  readonly end: "Succeeded" | "Failed";
  readonly routes: readonly string[];
  readonly timeline: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: "a-progressive-run",
    analysis: { stepWeights: [30, 60] },
    revision: GOOD,
    killedWhen: ({ canaryWeight }) => canaryWeight === 30,
    end: "Succeeded",
    routes: ["100/0", "70/30", "40/60", "100/0"],
    timeline: [...BEGUN, ...WEIGHTS, ...PROMOTED],
  },
  {
    name: "a-failing-run",
    analysis: { stepWeights: [30, 60], threshold: 3 },
    revision: BAD,
    killedWhen: ({ failedChecks }) => failedChecks === 1,
    end: "Failed",
    routes: ["100/0", "70/30", "100/0"],
    timeline: [
      ...BEGUN,
      "Advance podinfo canary weight 30",
      "Halt podinfo advancement success rate N < 99%",
      "Rolling back podinfo failed checks threshold reached 3",
      "Canary failed! Scaling down podinfo",
    ],
  },
  {
    name: "an-ab-test",
    analysis: { iterations: 3, match: [INSIDERS] },
    revision: GOOD,
    killedWhen: ({ iterations }) => iterations === 2,
    end: "Succeeded",
    routes: ["matched 100/0, 100/0", "matched 0/100, 100/0", "matched 100/0, 100/0"],
    timeline: [...BEGUN, ...[1, 2, 3].map((i) => `Advance podinfo canary iteration ${i}/3`), ...PROMOTED],
  },
  {
    name: "a-switch",
    analysis: { iterations: 2 },
    revision: GOOD,
    killedWhen: ({ iterations }) => iterations === 3,
    end: "Succeeded",
    routes: ["100/0", "0/100", "100/0"],
    timeline: [
      ...BEGUN,
      ...[1, 2].map((i) => `Advance podinfo canary iteration ${i}/2`),
      "Routing all traffic to canary",
      ...PROMOTED,
    ],
  },
  {
    name: "a-promotion",
    analysis: { stepWeights: [60] },
    revision: GOOD,
    killedWhen: ({ phase }) => phase === "Promoting",
    end: "Succeeded",
    routes: ["100/0", "40/60", "100/0"],
    timeline: [...BEGUN, "Advance podinfo canary weight 60", ...PROMOTED],
  },
];

let town: Town;

beforeAll(async () => {
  town = await startTown({ operators: ROWS.map(({ name }) => name) });
});

afterAll(() => town.stop());

describe.concurrent("the operator is killed in the middle of", () => {
  it.each(ROWS)("$name", async ({ name, analysis, revision, killedWhen, end, routes, timeline }) => {
    const story = await stage(town, name, { analysis });
    await story.release(revision);
    await story.untilStatus("where it is killed", killedWhen);
    await town.killOperator(name);
    const { dropped, failedByPrimary } = await story.end(end);
    expect(story.routes()).toEqual(routes);
    // Killed before it had written the routes, it says so when it writes them.
    // What it was about to say when it was killed may remain unsaid; nothing is said twice, and nothing else.
    const said = story.timeline().filter((line) => !line.includes("not as promised"));
    expect(said).toEqual(timeline.filter((line) => said.includes(line)));
    expect(said.at(-1)).toBe(timeline.at(-1));
    expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
  });
});
