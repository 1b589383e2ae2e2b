/** The laws of ports/workload.ts, for every kind of target. */

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DesiredState } from "../core/desired.ts";
import type { DesiredPrimary } from "../core/phases/phase.ts";
import type { Phase, Recovery } from "../core/phases/positions.ts";
import type { Canary, CanaryStatus } from "../core/status/canary.ts";
import { promotionId, uuidFrom } from "../core/turn/identity.ts";
import { mergePatch } from "../json/merge-patch.ts";
import { apiVersionOf, type KubeFields, type KubeObject, type ObjectRef } from "../ports/kubernetes.ts";
import type { Workload } from "../ports/workload.ts";
import { aCanary } from "../testing/canary.ts";
import { aDesiredState } from "../testing/desired-state.ts";
import { createToyCluster, type ToyCluster } from "../testing/toy-cluster.ts";
import { createWorkloads, WORKLOADS } from "./table.ts";

const OPTIONS = {
  selectorLabels: ["app", "name", "app.kubernetes.io/name"],
  includeLabelPrefixes: ["team"],
  configTracking: true,
};
const NOW = Date.UTC(2026, 0, 1);
const EARLIER = "aviary.flagger.app/earlier-";

const config = (name: string, value: string): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "test" },
  data: { value },
});

/** A target that runs `version`, and the objects that belong to it. */
interface Specimen {
  readonly kind: string;
  readonly apiVersion: string;
  readonly provider?: string;
  readonly world: (version: string) => readonly KubeObject[];
  /** The part of the primary that a promotion changes. */
  readonly primaryHolds: (cluster: ToyCluster) => unknown;
  readonly scales: boolean;
}

const template = (version: string): KubeFields => ({
  metadata: { labels: { app: "podinfo" }, annotations: { plain: "1" }, creationTimestamp: null },
  spec: {
    containers: [
      {
        name: "podinfod",
        image: `podinfo:${version}`,
        ports: [{ name: "http", containerPort: 9898 }],
        envFrom: [{ configMapRef: { name: "podinfo-config" } }],
      },
    ],
    nodeSelector: { disk: "ssd" },
    fieldOfTheFuture: { a: [version] },
  },
});

const apps = (kind: string, spec: KubeFields = {}): Specimen => ({
  kind,
  apiVersion: "apps/v1",
  scales: true,
  world: (version) => [
    {
      apiVersion: "apps/v1",
      kind,
      metadata: { name: "podinfo", namespace: "test", generation: 1, labels: { team: "a" }, annotations: { a: "b" } },
      spec: {
        ...(kind === "DaemonSet" ? {} : { replicas: 2 }),
        selector: { matchLabels: { app: "podinfo" } },
        template: template(version),
        ...spec,
      },
      status: { observedGeneration: 1 },
    },
    config("podinfo-config", version),
  ],
  primaryHolds: (cluster) => [
    cluster.at(kind, "podinfo-primary").spec.template,
    cluster.at("ConfigMap", "podinfo-config-primary").data,
  ],
});

const SPECIMENS: readonly Specimen[] = [
  apps("Deployment"),
  apps("DaemonSet"),
  apps("StatefulSet", { serviceName: "podinfo-peers" }),
  {
    kind: "Service",
    apiVersion: "v1",
    scales: false,
    world: (version) => [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "podinfo", namespace: "test" },
        spec: { selector: { version }, ports: [{ name: "http", port: 80 }], clusterIP: "10.0.0.1" },
      },
    ],
    primaryHolds: (cluster) => cluster.at("Service", "podinfo-primary").spec,
  },
  {
    kind: "Service",
    apiVersion: "serving.knative.dev/v1",
    provider: "knative",
    scales: false,
    world: (version) => [
      {
        apiVersion: "serving.knative.dev/v1",
        kind: "Service",
        metadata: { name: "podinfo", namespace: "test" },
        spec: { template: {} },
        status: { latestCreatedRevisionName: `podinfo-${version}` },
      },
      {
        apiVersion: "serving.knative.dev/v1",
        kind: "Revision",
        metadata: { name: `podinfo-${version}`, namespace: "test" },
        status: { conditions: [{ type: "Ready", status: "True" }] },
      },
    ],
    primaryHolds: (cluster) => cluster.at("Service", "podinfo").metadata.annotations?.["flagger.app/primary-revision"],
  },
];

const PRESENT: DesiredPrimary = { kind: "present" };

const aRun = (id: string) => ({ id, startedAt: NOW });

const world = (primary: DesiredPrimary, target: DesiredState["target"] = "as-is") => aDesiredState({ primary, target });

class Stage {
  readonly workload: Workload;
  readonly cluster: ToyCluster;
  canary: Canary;

  constructor(
    private readonly specimen: Specimen,
    version = "1",
  ) {
    const { kind, apiVersion, provider } = specimen;
    const targetRef = { apiVersion, kind, name: "podinfo" };
    this.canary = aCanary({ spec: { targetRef, ...(provider && { provider }) } });
    this.cluster = createToyCluster(mergePatch, ...specimen.world(version));
    const found = createWorkloads(OPTIONS).find((workload) => workload.matches(targetRef));
    if (found === undefined) throw new Error(`no workload for ${apiVersion} ${kind}`);
    this.workload = found;
  }

  /** A user gives the target another version; the operator's changes to it stay. */
  release(version: string, configVersion = version): void {
    const configs = this.specimen.world(configVersion).filter(({ kind }) => kind === "ConfigMap");
    const others = this.specimen.world(version).filter(({ kind }) => kind !== "ConfigMap");
    for (const object of [...others, ...configs]) {
      const { apiVersion, kind, metadata } = object;
      const names = this.cluster.names();
      const seen = names.includes(`${kind}/${metadata.name}`) ? this.cluster.at(kind, metadata.name) : undefined;
      if (seen === undefined || kind === "ConfigMap") this.cluster.put(object);
      else this.cluster.put({ ...seen, apiVersion, spec: { ...seen.spec, ...object.spec }, status: object.status });
    }
  }

  in(phase: Phase, recovery: Recovery = { kind: "restoring" }): this {
    const position = phase === "Failed" ? { phase, recovery } : { phase };
    this.canary = { ...this.canary, status: { ...this.canary.status, ...position } as CanaryStatus };
    return this;
  }

  read() {
    const reading = this.workload.read(this.canary, this.cluster, NOW);
    if (reading.kind === "problem") throw new Error(reading.detail);
    return reading;
  }

  primary(primary: DesiredPrimary): readonly KubeObject[] {
    return this.workload.renderPrimary(this.canary, world(primary), this.cluster);
  }

  target(target: DesiredState["target"]): readonly string[] {
    return this.cluster.apply(this.workload.renderTarget(this.canary, world(PRESENT, target), this.cluster));
  }

  /** The promotion of the revision that the target holds now. */
  promotion(): DesiredPrimary & { readonly kind: "promoted" } {
    const { revision } = this.read().target;
    return { kind: "promoted", id: promotionId(this.canary.uid, revision), revision };
  }

  /** A whole release, in the run of this name. */
  promoted(version: string, run: string, configVersion = version): DesiredPrimary & { readonly kind: "promoted" } {
    this.release(version, configVersion);
    return this.promote(run);
  }

  promote(run: string): DesiredPrimary & { readonly kind: "promoted" } {
    const promotion = this.promotion();
    const { revision } = promotion;
    this.canary = { ...this.canary, status: { ...this.canary.status, applied: revision, run: aRun(run) } };
    this.in("Promoting").cluster.apply(this.primary(promotion));
    this.canary = { ...this.canary, status: { ...this.canary.status, promotedSpec: revision.spec } };
    this.in("Succeeded").cluster.apply(this.primary(PRESENT));
    return promotion;
  }

  holds(): unknown {
    return this.specimen.primaryHolds(this.cluster);
  }

  /** A Canary that is bootstrapped and idle. */
  static begun(specimen: Specimen): Stage {
    const stage = new Stage(specimen).in("Initializing");
    stage.cluster.apply(stage.primary(PRESENT));
    const { spec: promotedSpec } = stage.read().target.revision;
    stage.canary = { ...stage.canary, status: { ...stage.canary.status, promotedSpec } };
    return stage.in("Succeeded");
  }
}

describe("the table of workloads", () => {
  it("has a specimen of each", () => {
    expect(SPECIMENS.map(({ kind }) => kind)).toEqual(createWorkloads(OPTIONS).map(({ kind }) => kind));
    expect(SPECIMENS).toHaveLength(WORKLOADS.length);
  });
});

describe.each(SPECIMENS)("$apiVersion $kind", (specimen) => {
  it("reports a missing target in words, and writes nothing", () => {
    const stage = new Stage(specimen);
    const empty = createToyCluster(mergePatch);
    const reading = stage.workload.read(stage.canary, empty, NOW);
    expect(reading).toMatchObject({ kind: "problem", detail: expect.stringContaining('"podinfo" not found') });
    for (const kind of [PRESENT, { kind: "restored", from: "x" }] as const) {
      expect(stage.workload.renderPrimary(stage.canary, world(kind), empty)).toEqual([]);
    }
    expect(stage.workload.renderTarget(stage.canary, world(PRESENT, "up"), empty)).toEqual([]);
    expect(stage.workload.inputs(stage.canary, empty).length).toBeGreaterThan(0);
  });

  it("gets one primary, which carries the promotion of the target's revision", () => {
    const stage = new Stage(specimen).in("Initializing");
    expect(stage.read().primary.exists).toBe(false);
    stage.cluster.apply(stage.primary(PRESENT));
    expect(stage.read().primary).toMatchObject({ exists: true, promotionId: stage.promotion().id });
    expect(stage.cluster.apply(stage.primary(PRESENT))).toEqual([]);
    expect(stage.cluster.apply(stage.in("Succeeded").primary(PRESENT))).toEqual([]);
  });

  it("creates nothing when the Canary is being deleted", () => {
    const stage = new Stage(specimen).in("Terminating");
    expect(stage.primary(PRESENT)).toEqual([]);
  });

  it("depends on nothing but its inputs", () => {
    const stage = Stage.begun(specimen);
    stage.release("2");
    const key = ({ type, name }: ObjectRef) => `${apiVersionOf(type)} ${type.kind}/${name}`;
    const inputs = new Set(stage.workload.inputs(stage.canary, stage.cluster).map(key));
    const asked = new Set<string>();
    const get = (ref: ObjectRef) => {
      asked.add(key(ref));
      return stage.cluster.get(ref);
    };
    const seen = { get, list: stage.cluster.list };
    stage.workload.read(stage.canary, seen, NOW);
    const written = stage.workload.renderPrimary(stage.canary, world(stage.promotion()), seen);
    stage.workload.renderTarget(stage.canary, world(PRESENT, "up"), seen);
    expect([...asked].filter((ref) => !inputs.has(ref))).toEqual([]);
    expect(written.filter((o) => !inputs.has(`${o.apiVersion} ${o.kind}/${o.metadata.name}`))).toEqual([]);
  });

  it("is copied only while it holds the tested revision", () => {
    const stage = Stage.begun(specimen);
    stage.release("2");
    const tested = stage.promotion();
    stage.release("3");
    const before = stage.holds();
    stage.in("Promoting").cluster.apply(stage.primary(tested));
    expect(stage.holds()).toEqual(before);
    stage.release("2");
    stage.cluster.apply(stage.primary(tested));
    expect(stage.read().primary.promotionId).toBe(tested.id);
    expect(stage.holds()).not.toEqual(before);
    expect(stage.cluster.apply(stage.primary(tested))).toEqual([]);
  });

  it("keeps fields of the primary that other controllers set", () => {
    const stage = Stage.begun(specimen);
    const name = specimen.provider === "knative" ? "podinfo" : "podinfo-primary";
    const primary = stage.cluster.at(specimen.kind, name);
    stage.cluster.put({
      ...primary,
      metadata: { ...primary.metadata, finalizers: ["example.com/f"] },
      fieldOfTheFuture: 1,
      status: { ...primary.status, theirs: 1 },
    });
    stage.release("2");
    stage.in("Promoting").cluster.apply(stage.primary(stage.promotion()));
    expect(stage.cluster.at(specimen.kind, name)).toMatchObject({
      metadata: { finalizers: ["example.com/f"] },
      fieldOfTheFuture: 1,
    });
  });

  it("restores the primary when a promotion fails, wherever a crash interrupted it", () => {
    const stage = Stage.begun(specimen);
    const before = stage.holds();
    const id = stage.read().primary.promotionId;
    stage.release("2");
    const promotion = stage.in("Promoting").promotion();
    const writes = stage.primary(promotion).length;
    for (let done = 0; done <= writes; done += 1) {
      stage.in("Promoting").cluster.apply(stage.primary(promotion).slice(0, done));
      stage.cluster.apply(stage.primary(promotion));
      expect(stage.read().primary.promotionId).toBe(promotion.id);
      expect(stage.holds()).not.toEqual(before);
      stage.in("Finalising").cluster.apply(stage.primary(PRESENT));
      expect(stage.read().primary.promotionId).toBe(promotion.id);
      const restored = { kind: "restored", from: promotion.id } as const;
      stage.in("Failed").cluster.apply(stage.primary(restored).slice(0, done));
      stage.cluster.apply(stage.primary(restored));
      expect(stage.holds()).toEqual(before);
      expect(stage.read().primary.promotionId).toBe(id);
      expect(stage.cluster.apply(stage.primary(restored))).toEqual([]);
      stage.cluster.apply(stage.primary(PRESENT));
      expect(stage.holds()).toEqual(before);
      expect(stage.cluster.apply(stage.primary(PRESENT))).toEqual([]);
    }
  });

  it("says that nothing can be restored, where the primary has lost what it ran before", () => {
    const stage = Stage.begun(specimen);
    stage.release("2");
    const promotion = stage.in("Promoting").promotion();
    stage.cluster.apply(stage.primary(promotion));
    expect(stage.in("Failed").read().primary).toMatchObject({ promotionId: promotion.id, restorable: true });
    const name = specimen.provider === "knative" ? "podinfo" : "podinfo-primary";
    const primary = stage.cluster.at(specimen.kind, name);
    const kept = Object.entries(primary.metadata.annotations ?? {}).filter(([key]) => !key.includes("/previous-"));
    stage.cluster.put({ ...primary, metadata: { ...primary.metadata, annotations: Object.fromEntries(kept) } });
    expect(stage.read().primary).toMatchObject({ promotionId: promotion.id, restorable: false });
    expect(stage.cluster.apply(stage.primary({ kind: "restored", from: promotion.id }))).toEqual([]);
  });

  it("undoes a promotion that was abandoned before the template was copied", () => {
    for (const done of [0, 1, 2, 3]) {
      const stage = Stage.begun(specimen);
      const before = stage.holds();
      stage.release("2");
      const promotion = stage.in("Promoting").promotion();
      const half = stage.primary(promotion);
      stage.cluster.apply(half.slice(0, Math.min(done, half.length - 1)));
      stage.release("3");
      stage.in("Progressing").cluster.apply(stage.primary(PRESENT));
      expect(stage.holds()).toEqual(before);
    }
  });
});

describe.each(SPECIMENS.filter(({ scales }) => !scales))("$apiVersion $kind, which has no pods,", (specimen) => {
  it("keeps no earlier revision, so that no undo is promised", () => {
    const stage = Stage.begun(specimen);
    for (const version of ["2", "3", "4"]) stage.promoted(version, `run-${version}`);
    const { previous, earlier } = stage.read().primary;
    expect({ previous, earlier }).toEqual({ previous: undefined, earlier: undefined });
  });
});

describe("a DaemonSet", () => {
  it("says which earlier revision runs on other nodes, so that its pods would be replaced at once", () => {
    const [specimen] = SPECIMENS.filter(({ kind }) => kind === "DaemonSet");
    if (specimen === undefined) throw new Error("there is no DaemonSet");
    const stage = Stage.begun(specimen);
    for (const [version, disk] of [
      ["2", "hdd"],
      ["3", "ssd"],
      ["4", "ssd"],
      ["5", "ssd"],
    ] as const) {
      stage.release(version, "2");
      const target = stage.cluster.at("DaemonSet", "podinfo");
      const pods = { ...target.spec.template.spec, nodeSelector: { disk } };
      stage.cluster.put({ ...target, spec: { ...target.spec, template: { ...target.spec.template, spec: pods } } });
      stage.promote(`run-${version}`);
    }
    const gaps = (stage.read().primary.earlier ?? []).map(({ run, gap }) => [run, gap]);
    expect(gaps).toEqual([
      ["run-3", undefined],
      ["run-2", true],
    ]);
  });
});

describe.each(SPECIMENS.filter(({ scales }) => scales))("$apiVersion $kind, which has pods,", (specimen) => {
  it("a promotion that is over can be undone, also by an operator that takes over after any write (ADR 0017)", () => {
    const { length: writes } = (() => {
      const stage = Stage.begun(specimen);
      stage.release("2");
      stage.in("Promoting").cluster.apply(stage.primary(stage.promotion()));
      stage.in("Succeeded").cluster.apply(stage.primary(PRESENT));
      return stage.primary({ kind: "restored", from: stage.promotion().id });
    })();
    for (let done = 0; done <= writes; done += 1) {
      const stage = Stage.begun(specimen);
      const before = stage.holds();
      const { promotionId: first } = stage.read().primary;
      stage.release("2");
      const promotion = stage.in("Promoting").promotion();
      stage.cluster.apply(stage.primary(promotion));
      stage.in("Succeeded").cluster.apply(stage.primary(PRESENT));
      expect(stage.cluster.apply(stage.primary(PRESENT))).toEqual([]);
      expect(stage.read().primary).toMatchObject({ previous: { promotionId: first } });
      const undone = { kind: "restored", from: promotion.id } as const;
      stage.in("Failed").cluster.apply(stage.primary(undone).slice(0, done));
      stage.cluster.apply(stage.primary(undone));
      expect(stage.holds()).toEqual(before);
      stage.cluster.apply(stage.primary(PRESENT));
      expect(stage.holds()).toEqual(before);
      expect(stage.read().primary.previous).toBeUndefined();
    }
  });

  it("gets the revision of an earlier run back, wherever a crash interrupts the undo (ADR 0017)", () => {
    for (let done = 0; done <= 3; done += 1) {
      const stage = Stage.begun(specimen);
      const second = stage.promoted("2", "run-2");
      const held = JSON.stringify(stage.holds());
      stage.promoted("3", "run-3", "2");
      const last = stage.promoted("4", "run-4", "2");
      expect(stage.read().primary).toMatchObject({
        run: "run-4",
        previous: { run: "run-3" },
        earlier: [{ run: "run-2", promotionId: second.id, changedConfigs: [] }],
      });
      const undone = { kind: "restored", from: last.id, to: second.id } as const;
      stage.in("Failed", { kind: "undoing", promotion: last.id, to: second.id });
      expect(stage.read().primary.restorable).toBe(true);
      stage.cluster.apply(stage.primary(undone).slice(0, done));
      stage.cluster.apply(stage.primary(undone));
      expect(JSON.stringify(stage.holds())).toBe(held);
      expect(stage.cluster.apply(stage.primary(undone))).toEqual([]);
      stage.cluster.apply(stage.primary(PRESENT));
      expect(JSON.stringify(stage.holds())).toBe(held);
      const { run, previous, earlier } = stage.read().primary;
      expect({ run, previous, earlier }).toEqual({ run: "run-2", previous: undefined, earlier: undefined });
    }
  });

  it("names the configuration that an earlier revision read and that is overwritten by now", () => {
    const stage = Stage.begun(specimen);
    for (const version of ["2", "3", "4"]) stage.promoted(version, `run-${version}`);
    const [earlier] = stage.read().primary.earlier ?? [];
    expect(earlier).toMatchObject({ run: "run-2", changedConfigs: ["configmap/podinfo-config"] });
  });

  it("gets earlier revisions back one after the other, as far as they were kept", () => {
    const stage = Stage.begun(specimen);
    const ids = ["2", "3", "4", "5"].map((version) => stage.promoted(version, `run-${version}`, "2").id);
    for (const [from, to] of [
      [3, 2],
      [2, 0],
    ] as const) {
      const undone = { kind: "restored", from: ids[from] ?? "", ...(to === 2 ? {} : { to: ids[to] ?? "" }) } as const;
      stage.in("Failed").cluster.apply(stage.primary(undone));
      expect(stage.read().primary.promotionId).toBe(ids[to]);
    }
    expect(stage.read().primary.earlier).toBeUndefined();
  });

  it("keeps four earlier revisions and 32 KiB of them at most", () => {
    const stage = Stage.begun(specimen);
    for (let version = 2; version < 12; version += 1) stage.promoted(String(version), `run-${version}`, "2");
    const runs = () => (stage.read().primary.earlier ?? []).map(({ run }) => run);
    expect(runs()).toEqual(["run-9", "run-8", "run-7", "run-6"]);
    const noise = (seed: number) => Array.from({ length: 700 }, (_, i) => uuidFrom(`${seed} ${i}`)).join("");
    for (let version = 12; version < 16; version += 1) stage.promoted(noise(version), `run-${version}`, "2");
    const { annotations = {} } = stage.cluster.at(specimen.kind, "podinfo-primary").metadata;
    const size = ["revisions", "templates"].reduce((sum, of) => sum + (annotations[`${EARLIER}${of}`] ?? "").length, 0);
    expect(size).toBeLessThanOrEqual(32 * 1024);
    expect(runs()).toEqual(["run-13"]);
  });

  it("has no earlier revisions where their templates cannot be read", () => {
    for (const templates of ["", "no gzip", gzipSync("[]").toString("base64"), gzipSync("{").toString("base64")]) {
      const stage = Stage.begun(specimen);
      for (const version of ["2", "3", "4"]) stage.promoted(version, `run-${version}`, "2");
      const primary = stage.cluster.at(specimen.kind, "podinfo-primary");
      const annotations = { ...primary.metadata.annotations, [`${EARLIER}templates`]: templates };
      stage.cluster.put({ ...primary, metadata: { ...primary.metadata, annotations } });
      expect(stage.read().primary.earlier).toBeUndefined();
    }
  });

  it("a template is not kept once the configs that belong to it were given up for a promotion that never happened", () => {
    const stage = Stage.begun(specimen);
    stage.release("2");
    stage.in("Promoting").cluster.apply(stage.primary(stage.promotion()));
    stage.in("Succeeded").cluster.apply(stage.primary(PRESENT));
    stage.release("3");
    const half = stage.in("Promoting").primary(stage.promotion());
    const configs = half.filter(({ kind }) => kind === "ConfigMap" || kind === "Secret");
    stage.cluster.apply(configs);
    stage.release("4");
    stage.in("Progressing").cluster.apply(stage.primary(PRESENT));
    expect(stage.read().primary.previous === undefined).toBe(configs.length > 0);
    expect(stage.cluster.apply(stage.primary(PRESENT))).toEqual([]);
  });

  it("keeps its revision and its fields when it is scaled down and up again", () => {
    const stage = Stage.begun(specimen);
    const { revision, scaledDown } = stage.read().target;
    const before = stage.cluster.at(specimen.kind, "podinfo");
    expect(scaledDown).toBe(false);
    expect(stage.target("as-is")).toEqual([]);
    expect(stage.target("up")).toEqual([]);
    expect(stage.target("down")).toHaveLength(1);
    expect(stage.read().target).toMatchObject({ revision, scaledDown: true });
    expect(stage.target("down")).toEqual([]);
    expect(stage.target("up")).toHaveLength(1);
    expect(stage.cluster.at(specimen.kind, "podinfo")).toEqual(before);
    expect(stage.target("up")).toEqual([]);
  });

  it("stays as it is when the Canary is deleted before there is a primary", () => {
    expect(new Stage(specimen).in("Terminating").target("up")).toEqual([]);
  });

  it("gets a running primary also while the target is scaled down", () => {
    const stage = Stage.begun(specimen);
    const before = stage.holds();
    stage.target("down");
    stage.cluster.remove(stage.cluster.at(specimen.kind, "podinfo-primary"));
    stage.cluster.apply(stage.primary(PRESENT));
    expect(stage.holds()).toEqual(before);
    expect(stage.cluster.at(specimen.kind, "podinfo-primary").spec.replicas).not.toBe(0);
  });

  it("copies any template to its primary unchanged", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), (fields) => {
        // As the API server has it: what JSON does not know is not there.
        const extra = JSON.parse(JSON.stringify(fields));
        const stage = Stage.begun(specimen);
        const target = stage.cluster.at(specimen.kind, "podinfo");
        const { template } = target.spec;
        const podSpec = { ...template.spec, volumes: [{ name: "v", extra }] };
        stage.cluster.put({ ...target, spec: { ...target.spec, template: { ...template, spec: podSpec } } });
        const promotion = stage.in("Promoting").promotion();
        stage.cluster.apply(stage.primary(promotion));
        const primary = stage.cluster.at(specimen.kind, "podinfo-primary").spec.template.spec;
        expect(primary.volumes).toEqual([{ name: "v", extra }]);
        expect(primary.fieldOfTheFuture).toEqual(podSpec.fieldOfTheFuture);
        expect(stage.cluster.apply(stage.primary(promotion))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
