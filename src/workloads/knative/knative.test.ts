import { describe, expect, it } from "vitest";
import { promotionId } from "../../core/turn/identity.ts";
import { hashText } from "../../go/hash/hash.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { aCanary } from "../../testing/canary.ts";
import { aDesiredState, inPhase } from "../../testing/desired-state.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import { createKnativeWorkload } from "./knative.ts";

const workload = createKnativeWorkload();
const targetRef = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
const PARTS = { spec: { targetRef, provider: "knative" } };

const service = (latest: string | undefined, annotations: Record<string, string> = {}): KubeObject => ({
  apiVersion: "serving.knative.dev/v1",
  kind: "Service",
  metadata: { name: "podinfo", namespace: "test", annotations: { mine: "1", ...annotations } },
  spec: { template: { spec: {} } },
  ...(latest !== undefined && { status: { latestCreatedRevisionName: latest } }),
});
const revision = (name: string, ready = true): KubeObject => ({
  apiVersion: "serving.knative.dev/v1",
  kind: "Revision",
  metadata: { name, namespace: "test" },
  status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] },
});
const PRIMARY = "flagger.app/primary-revision";

const read = (cluster: ToyCluster) => workload.read(aCanary(PARTS), cluster, 0);
const annotations = (cluster: ToyCluster) => cluster.at("Service", "podinfo").metadata.annotations;

describe("a Knative Service as target", () => {
  it("has its latest revision named when the Canary is created; its traffic waits until that revision is ready", () => {
    const cluster = createToyCluster(mergePatch, service("podinfo-00001", { [PRIMARY]: "from-an-earlier-canary" }));
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), cluster));
    expect(cluster.at("Service", "podinfo").spec.traffic).toBeUndefined();
    expect(annotations(cluster)).toEqual({ mine: "1", [PRIMARY]: "podinfo-00001" });
  });

  it("without a revision has its first revision named when the operator tries its initialisation again", () => {
    const cluster = createToyCluster(mergePatch, service("podinfo-00001"));
    const nothing = { spec: hashText("") };
    const primary = { kind: "promoted", id: promotionId(aCanary().uid, nothing), revision: nothing } as const;
    const status = { stage: "renewing", applied: nothing } as const;
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS, status), aDesiredState({ primary }), cluster));
    expect(annotations(cluster)).toEqual({ mine: "1", [PRIMARY]: "podinfo-00001" });
  });

  it.each([
    ["follows a release before its traffic is switched", undefined, "podinfo-00002"],
    ["keeps the revision that was seen ready, while its traffic is switched", "podinfo-00001", "podinfo-00001"],
    ["takes the latest, when what was seen ready is another", "podinfo-00000", "podinfo-00002"],
  ])("%s", (_what, seenReady, primary) => {
    const status =
      seenReady === undefined ? {} : ({ stage: "switching", applied: { spec: hashText(seenReady) } } as const);
    const cluster = createToyCluster(mergePatch, service("podinfo-00002", { [PRIMARY]: "podinfo-00001" }));
    cluster.apply(workload.renderPrimary(inPhase("Initializing", PARTS, status), aDesiredState(), cluster));
    expect(annotations(cluster)).toEqual({ mine: "1", [PRIMARY]: primary });
  });

  it("is not written while it has no revision, nor when the Canary is deleted", () => {
    const empty = createToyCluster(mergePatch, service(undefined));
    expect(workload.renderPrimary(inPhase("Initializing", PARTS), aDesiredState(), empty)).toEqual([]);
    expect(read(empty)).toMatchObject({
      target: { readiness: { detail: "Knative Service podinfo.test has not created a revision yet" } },
      primary: { exists: false },
    });
    const leaving = createToyCluster(mergePatch, service("podinfo-00002"));
    expect(workload.renderPrimary(inPhase("Terminating", PARTS), aDesiredState(), leaving)).toEqual([]);
  });

  it("is promoted by its annotation", () => {
    const cluster = createToyCluster(mergePatch, service("podinfo-00002", { [PRIMARY]: "podinfo-00001" }));
    const held = { spec: hashText("podinfo-00002") };
    const primary = { kind: "promoted", id: promotionId(aCanary().uid, held), revision: held } as const;
    cluster.apply(workload.renderPrimary(inPhase("Promoting", PARTS), aDesiredState({ primary }), cluster));
    expect(annotations(cluster)).toMatchObject({ [PRIMARY]: "podinfo-00002" });
    expect(read(cluster)).toMatchObject({ target: { revision: held }, primary: { promotionId: primary.id } });
    cluster.apply(workload.renderPrimary(inPhase("Succeeded", PARTS), aDesiredState(), cluster));
    expect(annotations(cluster)).toEqual({ mine: "1", [PRIMARY]: "podinfo-00002" });
  });

  it("that was deleted and created again during a rollback serves its own revision as primary", () => {
    const cluster = createToyCluster(mergePatch, service("podinfo-00001"));
    const primary = { kind: "restored", from: "any promotion" } as const;
    cluster.apply(workload.renderPrimary(inPhase("Failed", PARTS), aDesiredState({ primary }), cluster));
    expect(annotations(cluster)).toEqual({ mine: "1", [PRIMARY]: "podinfo-00001" });
  });

  it("waits for its revisions without a deadline, in the words of events", () => {
    const world = [service("podinfo-00002", { [PRIMARY]: "podinfo-00001" }), revision("podinfo-00002", false)];
    expect(read(createToyCluster(mergePatch, ...world))).toMatchObject({
      target: { readiness: { kind: "progressing", detail: "Knative Revision podinfo-00002.test is not ready" } },
      primary: {
        readiness: {
          kind: "progressing",
          detail:
            "Knative Revision podinfo-00001.test get query error: " +
            'revisions.serving.knative.dev "podinfo-00001" not found',
        },
      },
    });
    const ready = [service("podinfo-00002"), revision("podinfo-00002")];
    expect(read(createToyCluster(mergePatch, ...ready))).toMatchObject({
      target: { readiness: { kind: "ready" }, available: 1 },
      primary: { readiness: { detail: "Knative Service podinfo.test primary revision annotation not found" } },
    });
  });

  it("that is missing is reported", () => {
    expect(read(createToyCluster(mergePatch))).toEqual({
      kind: "problem",
      detail: 'Knative Service podinfo.test get query error: services.serving.knative.dev "podinfo" not found',
    });
  });

  it("is given up only during a rollout, when its new revision is not ready by the deadline", () => {
    const cluster = createToyCluster(
      mergePatch,
      service("podinfo-00002", { [PRIMARY]: "podinfo-00001" }),
      revision("podinfo-00001"),
      revision("podinfo-00002", false),
    );
    const at = (phase: "Progressing" | "Succeeded", now: number) => {
      const reading = workload.read(inPhase(phase, PARTS), cluster, now);
      return reading.kind === "reading" ? [reading.target.readiness.kind, reading.recheckAt] : reading.detail;
    };
    const since = inPhase("Progressing", PARTS).status.phaseSince;
    const deadline = since + inPhase("Progressing", PARTS).spec.progressDeadlineSeconds * 1000;
    expect(at("Progressing", deadline)).toEqual(["progressing", deadline + 1]);
    expect(at("Progressing", deadline + 1)).toEqual(["stuck", undefined]);
    expect(at("Succeeded", deadline + 1)).toEqual(["progressing", undefined]);
  });
});
