/** The preview of an undo names what will serve, as the primary keeps it. */
import { expect, it } from "vitest";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { inPhase } from "../../testing/desired-state.ts";
import { keptAtPromotion } from "../../workloads/copied/kept.ts";
import { PROMOTION_ID_ANNOTATION } from "../../workloads/metadata.ts";
import { undoPreviewOf } from "./undo.ts";

const FIRST: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "podinfo-primary", namespace: "test" },
  spec: { template: templateOf("1") },
};

function templateOf(version: string) {
  return {
    metadata: { annotations: { [PROMOTION_ID_ANNOTATION]: `promotion-${version}` } },
    spec: { containers: [{ name: "podinfod", image: `podinfo:${version}` }] },
  };
}

/** @param config checksum of the ConfigMap that the revision reads */
function promoted(primary: KubeObject, version: string, config: string): KubeObject {
  const applied = { spec: version, configs: { "configmap/settings": config } };
  const run = { id: `run-${version}`, startedAt: 0 };
  const { status } = inPhase("Promoting", {}, { applied, run, promotedSpec: String(Number(version) - 1) });
  const annotations = keptAtPromotion(primary, status);
  return { ...primary, metadata: { ...primary.metadata, annotations }, spec: { template: templateOf(version) } };
}

const releases: readonly (readonly [version: string, config: string])[] = [
  ["2", "a"],
  ["3", "b"],
  ["4", "b"],
  ["5", "b"],
];
const PRIMARY = releases.reduce((primary, [version, config]) => promoted(primary, version, config), FIRST);

it.each([
  [
    undefined,
    "gets podinfo:4 back (run run-4), and reads configmap/settings as in that release; the target stays as it is in Git",
  ],
  [
    "run-3",
    "gets podinfo:3 back (run run-3), and reads configmap/settings as in that release; the target stays as it is in Git",
  ],
])("undo --to %s: %s", (toRun, text) => {
  expect(undoPreviewOf(PRIMARY, toRun)).toEqual({ text });
});

const INSTEAD = "revert the target instead (kubectl rollout undo, or in Git)";

it.each([
  ["run-1", `the revision of run run-1 is not kept, only those of run-4, run-3, run-2: ${INSTEAD}`],
  ["run-2", `the configuration of run run-2 is not kept (configmap/settings): ${INSTEAD}`],
  ["run-5", `the primary runs the revision of run run-5 already: ${INSTEAD}`],
])("undo --to %s is refused: %s", (toRun, refusal) => {
  expect(undoPreviewOf(PRIMARY, toRun)).toEqual({ refusal });
});

it("undo of a primary that was never promoted is refused", () => {
  expect(undoPreviewOf(FIRST, undefined)).toEqual({ refusal: `no earlier revision is kept: ${INSTEAD}` });
});
