/** A name in the Canary is edited at every moment of a release: no request fails, and no old object is left. */
import { describe, expect, it } from "vitest";
import { HPA, played, SCALED_OBJECT } from "../../test/played.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import type { Scenario } from "./scenario.ts";
import { aScenario, type ScenarioWishes } from "./stories.ts";

/** Moments of the release: before its first step, on its steps, in the promotion, and idle. */
const MOMENTS = [2, 20, 35, 50, 65, 80, 95, 110, 125, 140, 200].map((seconds) => seconds * 1_000);

/** Invariants that know only the first names. */
const OF_ONE_NAME = ["routes-as-promised", "split-said-rightly", "scalers-follow", "hands-off", "every-run-ends"];

const edited = (spec: KubeFields, afterMs: number, wishes: ScenarioWishes = {}): Scenario =>
  aScenario({ patienceMs: 400_000, ...wishes, users: [{ afterMs, kind: "edit-canary", spec }] });

function weights(routes: KubeObject | undefined): string {
  const [rule] = routes?.spec?.http ?? [];
  return (rule?.route ?? []).map(({ weight }: KubeFields) => weight).join("/");
}

describe.each(MOMENTS)("%i ms after the release", (afterMs) => {
  it("the provider is edited: the old routes send everything to the primary", async () => {
    const { api, refs, canary } = await played(edited({ provider: "kubernetes" }, afterMs), OF_ONE_NAME);
    expect(weights(api.get(refs.routes))).toBe("100/0");
    // Without a mesh the canary is not measured: a run that starts over may then fail.
    expect(["Succeeded", "Failed"]).toContain(canary()?.status?.phase);
  });

  it("service.name is edited: the old routes send everything to the primary", async () => {
    const { api, refs } = await played(edited({ service: { port: 9898, name: "web" } }, afterMs), OF_ONE_NAME);
    expect(weights(api.get(refs.routes))).toBe("100/0");
    expect(weights(api.get({ ...refs.routes, name: "web" }))).toBe("100/0");
  });
});

describe.each([20_000, 65_000, 200_000])("with a ScaledObject, %i ms after the release", (afterMs) => {
  const ref = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" };
  const wishes = { canary: { spec: { autoscalerRef: ref } }, objects: [SCALED_OBJECT, HPA] };
  /** The first names are looked for by the others. */
  const EXPECTED = ["scalers-follow"];

  it.each<[string, KubeFields]>([
    ["is removed", { autoscalerRef: null }],
    [
      "names an HPA",
      { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" } },
    ],
  ])(
    "the reference %s: the ScaledObject that stays is paused, and every run ends, the next release, too",
    async (_, spec) => {
      const next = { afterMs: afterMs + 60_000, kind: "release", image: "podinfo:3" } as const;
      const edit = edited(spec, afterMs, wishes);
      const scenario = { ...edit, patienceMs: 600_000, users: [...edit.users, next] };
      const { api, canary, target } = await played(scenario, EXPECTED);
      const source = api.get({ type: RESOURCES.scaledObject, namespace: "test", name: "podinfo" });
      expect(source?.metadata.annotations).toEqual({ "autoscaling.keda.sh/paused-replicas": "0" });
      expect([canary()?.status?.phase, target()?.spec?.replicas]).toEqual(["Succeeded", 0]);
      expect(canary()?.status?.aviary?.names?.formerScaler).toEqual({ kind: "ScaledObject", name: "podinfo" });
    },
  );
});

describe.each([20_000, 95_000, 200_000])("with an autoscaler, %i ms after the release", (afterMs) => {
  const ref = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" };
  const wishes = { canary: { spec: { autoscalerRef: ref } }, objects: [HPA, SCALED_OBJECT] };
  const primaryName = { namespace: "test", name: "podinfo-primary" };

  it("its reference is removed: the primary's copy is deleted, and the user's own stays", async () => {
    const { api, refs } = await played(edited({ autoscalerRef: null }, afterMs, wishes), OF_ONE_NAME);
    expect(api.get({ type: RESOURCES.hpa, ...primaryName })).toBeUndefined();
    expect(api.get({ type: RESOURCES.hpa, namespace: "test", name: "podinfo" })?.spec.maxReplicas).toBe(4);
    expect(api.get(refs.primary)).toBeDefined();
  });

  it("a ScaledObject takes its place: the primary has one scaler", async () => {
    const autoscalerRef = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", name: "podinfo" };
    const { api } = await played(edited({ autoscalerRef }, afterMs, wishes), OF_ONE_NAME);
    expect(api.get({ type: RESOURCES.hpa, ...primaryName })).toBeUndefined();
    expect(api.get({ type: RESOURCES.scaledObject, ...primaryName })).toBeDefined();
  });
});
