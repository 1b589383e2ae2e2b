/** Faults that the simulation found in core, shell, routers and workloads; each row shows that the fault is mended. */
import { describe, expect, it } from "vitest";
import { createFreshSnapshot } from "../operator/cluster/read-your-writes.ts";
import { createWriter } from "../operator/cluster/write.ts";
import { createCanaryStore } from "../operator/reconcile/store.ts";
import { isConflict, KubeError, type ObjectWriter } from "../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { PARSE_OPTIONS } from "../testing/tables.ts";
import { createApi } from "./api.ts";
import { compareEnds, judge } from "./campaign.ts";
import { NOWHERE } from "./controllers/daemonset.ts";
import type { Scenario, UserAction } from "./scenario.ts";
import { aScenario, aSimulatedCanary, STORIES, withConfig, withScaler, withStrategy, withTarget } from "./stories.ts";
import { run } from "./universe.ts";
import type { Universe } from "./watcher.ts";
import { CALM, type Disturbance, type Fault, type PortCall, type Weather } from "./weather.ts";

const NOT_ABORTED = new AbortController().signal;

/** A fault at the first call whose description matches. */
function faultAt(what: RegExp, fault: Fault): Weather {
  let hit = false;
  return {
    ...CALM,
    call(call: PortCall) {
      if (hit || !what.test(call.what)) return undefined;
      hit = true;
      return fault;
    },
  };
}

const story = (name: string): Scenario => STORIES[name] as Scenario;
const slowHook = (type: string) => ({ name: type, type, url: "http://slow.invalid/" });

function withDeadline(scenario: Scenario, progressDeadlineSeconds: number): Scenario {
  const { canary } = scenario;
  return { ...scenario, canary: { ...canary, spec: { ...canary.spec, progressDeadlineSeconds } } };
}

interface Found {
  readonly scenario: Scenario;
  readonly weather?: () => Weather;
  readonly disturbances?: readonly Disturbance[];
}

const SCALED: readonly UserAction[] = [
  { afterMs: 40_000, kind: "scale-primary", replicas: 0 },
  { afterMs: 90_000, kind: "scale-primary", replicas: 2 },
];

/** A person takes the primary's pods away, and gives them back. */
const EMPTIED: Readonly<Record<string, Scenario>> = {
  "by weights": aScenario({ users: SCALED }),
  "by A/B": aScenario({
    canary: { analysis: { iterations: 5, match: [{ headers: { "x-canary": { exact: "1" } } }] } },
    users: SCALED,
  }),
  "a StatefulSet": withTarget(aScenario({ users: SCALED }), "StatefulSet"),
  "a DaemonSet": withTarget(aScenario({ users: SCALED }), "DaemonSet"),
  "with an autoscaler": withScaler(aScenario({ users: SCALED }), "HorizontalPodAutoscaler"),
  "with an autoscaler that is deleted meanwhile": withScaler(
    aScenario({ users: [...SCALED, { afterMs: 50_000, kind: "delete-scaler" }] }),
    "HorizontalPodAutoscaler",
  ),
  "for longer than the deadline": aScenario({
    users: [
      { afterMs: 40_000, kind: "scale-primary", replicas: 0 },
      { afterMs: 200_000, kind: "scale-primary", replicas: 2 },
    ],
  }),
  "before the release": aScenario({
    users: [
      { afterMs: 0, kind: "scale-primary", replicas: 0 },
      { afterMs: 60_000, kind: "scale-primary", replicas: 2 },
    ],
  }),
  "beside the canary": aScenario({
    users: [...SCALED, { afterMs: 40_000, kind: "scale-target", replicas: 0 }],
  }),
};

const FOUND: Readonly<Record<string, Found>> = {
  "skipAnalysis: the first traffic went to a primary without pods": { scenario: story("no analysis") },
  "skipAnalysis: the target went while the first routes were still spreading": {
    scenario: story("no analysis"),
    weather: () => faultAt(/^patch Canary podinfo status$/, "lost-answer"),
  },
  "a canary that crashes again and again does not get its share back each time": {
    scenario: aScenario({ next: { crash: 15_000 } }),
  },
  "a release during the initialisation is not recorded as promoted before the primary runs it": {
    scenario: aScenario({ impatient: true }),
  },
  "a canary that a user scales to zero while the Canary is suspended loses its traffic": {
    scenario: aScenario({
      users: [
        { afterMs: 20_000, kind: "edit-canary", spec: { suspend: true } },
        { afterMs: 30_000, kind: "scale-target", replicas: 0 },
        { afterMs: 60_000, kind: "edit-canary", spec: { suspend: false } },
      ],
    }),
  },
  "a step is held also when its gate takes as long as the interval": {
    scenario: aScenario({
      canary: { analysis: { interval: "10s", webhooks: [slowHook("pre-rollout")] } },
      hooks: { "pre-rollout": { kind: "passes-late" } },
    }),
  },
  "a canary that loses its pods while the primary lacks some loses its traffic": {
    scenario: aScenario({
      canary: { analysis: { interval: "60s" } },
      users: [
        { afterMs: 20_000, kind: "lose-pods", of: "primary", all: false },
        { afterMs: 20_500, kind: "lose-pods", of: "target", all: true },
      ],
    }),
  },
  "a canary that has users serves everyone while the primary has no pods": {
    scenario: aScenario({ users: [{ afterMs: 40_000, kind: "lose-pods", of: "primary", all: true, forMs: 40_000 }] }),
  },
  "a canary of an A/B test serves everyone while the primary has no pods": {
    scenario: aScenario({
      canary: { analysis: { iterations: 5, match: [{ headers: { "x-canary": { exact: "1" } } }] } },
      users: [{ afterMs: 40_000, kind: "lose-pods", of: "primary", all: true, forMs: 40_000 }],
    }),
  },
  ...Object.fromEntries(
    Object.entries(EMPTIED).map(([name, scenario]) => [
      `a primary that a user scales to zero in a run: ${name}`,
      { scenario },
    ]),
  ),
  "a revision of a DaemonSet that no node takes gets no users, and is rolled back": {
    scenario: withTarget(aScenario({ users: [{ afterMs: 0, kind: "move-target", label: NOWHERE }] }), "DaemonSet"),
  },
  "a canary without pods, whose ConfigMap is missing, loses its share": {
    scenario: withConfig(
      aScenario({
        canary: { analysis: { interval: "60s" } },
        users: [
          { afterMs: 40_000, kind: "delete-reference", of: "ConfigMap" },
          { afterMs: 42_000, kind: "lose-pods", of: "target", all: true, forMs: 300_000 },
          { afterMs: 400_000, kind: "restore-reference", of: "ConfigMap" },
        ],
      }),
    ),
  },
  "a primary that loses its pods while the canary drains gives the users back to the canary": {
    scenario: aScenario({ users: [{ afterMs: 68_000, kind: "lose-pods", of: "primary", all: true, forMs: 20_000 }] }),
  },
  "routes that a user edits are written again while a Secret of the target is missing": {
    scenario: withConfig(
      aScenario({
        users: [
          { afterMs: 400_000, kind: "delete-reference", of: "Secret" },
          { afterMs: 420_000, kind: "edit-routes" },
        ],
      }),
    ),
  },
  "a StatefulSet keeps its only ready pod until the canary covers, when its promotion fails": {
    scenario: withDeadline(
      withScaler(
        withTarget(
          aScenario({
            canary: { analysis: { interval: "60s", stepWeight: 50, maxWeight: 50 } },
            next: { readyAfterMs: 70_000 },
          }),
          "StatefulSet",
        ),
        "ScaledObject",
      ),
      60,
    ),
  },
  "a canary that stands in for less than five seconds may serve those who do not match": {
    scenario: aScenario({
      canary: { analysis: { interval: "60s", iterations: 3, match: [{ headers: { cookie: { exact: "x" } } }] } },
      users: [{ afterMs: 95_000, kind: "lose-pods", of: "primary", all: true, forMs: 0 }],
    }),
  },
  "a target that a user scales down to one pod in a run covers for its primary": {
    scenario: withStrategy(
      aScenario({
        next: { readyAfterMs: 20_000 },
        users: [{ afterMs: 40_000, kind: "scale-target", replicas: 1 }],
      }),
      { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    ),
  },
  "a target that is deleted in a run loses its share of the traffic": {
    scenario: aScenario({
      users: [
        { afterMs: 20_000, kind: "delete-target" },
        { afterMs: 200_000, kind: "restore-target" },
      ],
    }),
  },
  "a primary that is deleted during a failed promotion does not block the run": {
    scenario: aScenario({
      next: { crashAsPrimary: "start" },
      users: [{ afterMs: 123_000, kind: "delete-primary" }],
    }),
  },
  "after two changes during the initialisation the primary has the newest ConfigMap": {
    scenario: withConfig(aScenario({ impatient: true, users: [{ afterMs: 30, kind: "edit-config", value: "blue" }] })),
    weather: () => ({
      ...CALM,
      watch: ({ kind }) => ({ delayMs: kind.kind === "ConfigMap" ? 2 : 40 }),
    }),
  },
  "a Knative revision that never gets ready does not block its rollout": {
    scenario: withTarget(aScenario({ next: { crash: "start" } }), "Knative"),
  },
  "a StatefulSet whose primary was created again from a revision that does not start does not wait for approval without end":
    {
      scenario: withTarget(
        aScenario({
          canary: { analysis: { webhooks: [slowHook("confirm-rollout")] } },
          next: { crashAsPrimary: "start" },
          hooks: { "confirm-rollout": { kind: "fails-first", calls: 9 } },
          users: [{ afterMs: 30_000, kind: "delete-primary" }],
        }),
        "StatefulSet",
      ),
    },
  "a Knative Service that is deleted and created again in its run is reported once": {
    scenario: withTarget(
      aScenario({
        users: [
          { afterMs: 25_000, kind: "delete-target" },
          { afterMs: 85_000, kind: "restore-target" },
        ],
      }),
      "Knative",
    ),
  },
  "a Knative revision that comes during the initialisation gets traffic only when it is ready": {
    scenario: withTarget(aScenario({ impatient: true, next: { readyAfterMs: 10_000 } }), "Knative"),
    weather: () => faultAt(/^patch Service podinfo$/, "dies-before"),
  },
};

describe("in a hard case", () => {
  it("an operator killed before the primary was restored sends no traffic to the failed revision", async () => {
    const scenario = story("a promotion in steps, and the primary fails requests");
    const calm = await judge({ scenario, seed: 1, weather: () => CALM });
    let killed = false;
    const weather = (universe: () => Universe | undefined): Weather => ({
      ...CALM,
      call({ what }: PortCall) {
        const due = what === "patch Deployment podinfo-primary" && universe()?.canary()?.status?.phase === "Failed";
        if (!due || killed) return undefined;
        killed = true;
        return "dies-before";
      },
    });
    const hit = await judge({ scenario, seed: 1, weather });
    expect(killed).toBe(true);
    expect(hit.violations).toEqual([]);
    expect(calm.end).toMatchObject({ phase: "Failed", image: "podinfo:1" });
    expect(hit.end).toEqual(calm.end);
  });

  it.each(Object.entries(FOUND))("%s", async (_, { scenario, weather = () => CALM, disturbances = [] }) => {
    const { violations } = await judge({ scenario, seed: 1, weather, disturbances });
    expect(violations).toEqual([]);
  });

  it("a second leader with stale watches does not send traffic to the copy that the first leader scaled down", async () => {
    /** The first leader learns of the routes late, the second of everything else. */
    const late = (): Weather => {
      const heard = new WeakSet<object>();
      return {
        ...CALM,
        watch(change) {
          const first = !heard.has(change);
          heard.add(change);
          const isLate = first === (change.kind === RESOURCES.virtualService);
          return { delayMs: isLate ? 10_000 : 10 };
        },
      };
    };
    const scenario = aScenario({ canary: { analysis: { iterations: 1, metrics: [] } } });
    for (let afterMs = 60_000; afterMs <= 70_000; afterMs += 200) {
      const disturbances = [{ kind: "two-leaders", afterMs, forMs: 20_000 }] as const;
      const { violations } = await judge({ scenario, seed: 1, weather: late, disturbances });
      expect(violations, `at ${afterMs} ms`).toEqual([]);
    }
  });

  it("a crash between the status and the routes does not shorten the drain", async () => {
    for (const fault of ["dies-after", "dies-before"] as const) {
      for (let index = 1; index <= 60; index += 1) {
        const weather = { ...CALM, call: (call: PortCall) => (call.index === index ? fault : undefined) };
        const { violations } = await judge({
          scenario: story("a release with errors"),
          seed: 1,
          weather: () => weather,
        });
        expect(violations, `${fault} at call ${index}`).toEqual([]);
      }
    }
  });

  it("after a crash before the routes were written, the drain starts when they are written, also with a post-rollout hook", async () => {
    const webhooks = [slowHook("post-rollout")];
    const scenario = aScenario({
      canary: { analysis: { interval: "10s", threshold: 1, webhooks } },
      next: { errorRate: 50 },
    });
    for (let index = 1; index <= 40; index += 1) {
      const weather = {
        ...CALM,
        call: (call: PortCall) => (call.index === index ? ("dies-after" as const) : undefined),
      };
      const { violations } = await judge({ scenario, seed: 1, weather: () => weather });
      expect(violations, `at call ${index}`).toEqual([]);
    }
  });

  it.each([
    ["did not answer", new KubeError(0, "Unreachable", "connection refused")],
    ["met a conflict", new KubeError(409, "Conflict", "connection refused")],
  ])("an API server that %s does not make the operator forget its own last write", async (_what, error) => {
    const ref = { type: RESOURCES.deployment, namespace: "test", name: "podinfo" };
    const object = (version: string, replicas: number): KubeObject => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "podinfo", namespace: "test", resourceVersion: version },
      spec: { replicas },
    });
    const snapshot = createFreshSnapshot(() => object("1", 3));
    snapshot.remember(ref.type, object("2", 0), { namespace: "test", name: "podinfo" });
    const away = () => Promise.reject(error);
    const write = createWriter({ create: away, mergePatch: away }, snapshot);
    await expect(write(object("2", 1), { namespace: "test", name: "podinfo" }, NOT_ABORTED)).rejects.toThrow(
      "connection refused",
    );
    expect(snapshot.get(ref)?.spec).toEqual({ replicas: 0 });
  });

  it("a deleted Canary is not written again when the last write was answered with an old version", async () => {
    const finalized: string[] = [];
    const weather: Weather = {
      watch: () => ({ delayMs: 2 }),
      call({ what }) {
        if (what === "patch Canary podinfo") finalized.push(what);
        return undefined;
      },
    };
    await run({ scenario: story("deleted in the middle"), weather, seed: 1, watchers: [] });
    // On and off.
    expect(finalized).toHaveLength(2);
  });

  it("two leaders do not overwrite each other's status", async () => {
    const api = createApi(() => 0);
    const canary = api.create(RESOURCES.canary, aSimulatedCanary(), "user");
    const ref = { namespace: "test", name: "podinfo" };
    const snapshot = createFreshSnapshot(() => canary);
    const writer = {
      create: () => Promise.reject(new Error("nothing is made here")),
      mergePatch: async (...[target, patch, options]: Parameters<ObjectWriter["mergePatch"]>) =>
        api.patch(target, patch, options, "operator"),
    };
    const store = createCanaryStore(writer, snapshot, PARSE_OPTIONS);
    const loaded = store.load(ref);
    if (loaded?.kind !== "canary") throw new Error("the Canary is not valid");
    const status = { ...loaded.canary.status, phase: "Initializing", stage: "copying" } as const;
    await store.save(loaded.canary, status, NOT_ABORTED);
    await expect(store.save(loaded.canary, status, NOT_ABORTED)).rejects.toSatisfy(isConflict);
  });

  it("a suspended Canary stays as it is when its objects change", async () => {
    const scenario = aScenario({
      users: [
        { afterMs: 20_000, kind: "edit-canary", spec: { suspend: true } },
        { afterMs: 30_000, kind: "delete-primary" },
        { afterMs: 30_000, kind: "delete-routes" },
      ],
      patienceMs: 120_000,
    });
    const universe = await run({ scenario, seed: 1, weather: CALM, watchers: [] });
    expect([universe.primary(), universe.api.get(universe.refs.routes)]).toEqual([undefined, undefined]);
  });

  it("the end of a run does not depend on crashes", async () => {
    const scenario = story("a promotion that fails");
    const calm = await judge({ scenario, seed: 3, weather: () => CALM });
    const disturbances = [30_000, 70_000, 95_000].map((afterMs) => ({ afterMs, kind: "kill" }) as const);
    const hit = compareEnds(await judge({ scenario, seed: 3, weather: () => CALM, disturbances }), calm.end);
    expect(hit.violations).toEqual([]);
  });

  it.each(["StatefulSet", "DaemonSet"] as const)(
    "a newer release late in a run of a %s has its own deadline",
    async (kind) => {
      const scenario = aScenario({
        canary: { analysis: { stepWeights: [10, 20, 30, 40] } },
        users: [{ afterMs: 100_000, kind: "release", image: "podinfo:3" }],
      });
      const { end } = await judge({ scenario: withTarget(scenario, kind), seed: 1, weather: () => CALM });
      expect(end).toMatchObject({ phase: "Succeeded", image: "podinfo:3" });
    },
  );

  it.each(["StatefulSet", "DaemonSet"] as const)(
    "a %s whose pods are replaced one by one, each within the deadline, is not given up",
    async (kind) => {
      const scenario = withTarget(aScenario({ next: { readyAfterMs: 50_000 } }), kind);
      const { end, violations } = await judge({ scenario, seed: 1, weather: () => CALM });
      expect({ violations, phase: end?.phase, image: end?.image }).toEqual({
        ...{ violations: [], phase: "Succeeded", image: "podinfo:2" },
      });
    },
  );

  it("a primary that was created again from a failed revision gets the previous one when that is released again", async () => {
    const scenario = aScenario({
      next: { errorRate: 20 },
      users: [
        { afterMs: 150_000, kind: "delete-primary" },
        { afterMs: 250_000, kind: "release", image: "podinfo:1" },
      ],
    });
    const { end } = await judge({ scenario, seed: 1, weather: () => CALM });
    expect(end).toMatchObject({ phase: "Succeeded", image: "podinfo:1" });
  });
});
