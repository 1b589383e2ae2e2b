import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";
import { KNATIVE, knativeCrds } from "../../crds/knative.ts";
import { startTestbed, type Testbed } from "../testbed.ts";

let clock: ManualClock;
let bed: Testbed;

/** Puppets listen nowhere; probes of this kind pass. */
const PROBE = { readinessProbe: { grpc: { port: 8080 } } };

const service = (tag: string, spec: KubeFields = {}, container: KubeFields = PROBE): KubeObject => ({
  apiVersion: "serving.knative.dev/v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { template: { spec: { containers: [{ image: `puppet:${tag}`, ...container }] } }, ...spec },
});
const change = async (spec: KubeFields) => {
  bed.change(KNATIVE.service, "web", (copy) => {
    copy.spec = { ...copy.spec, ...spec };
  });
  await bed.settle();
};
const release = (tag: string, spec: KubeFields = {}) => change({ ...service(tag).spec, ...spec });
const status = () => bed.get(KNATIVE.service, "web")?.status;
const states = (kind: "service" | "route" = "service") =>
  Object.fromEntries(
    bed
      .get(KNATIVE[kind], "web")
      ?.status.conditions.map(({ type, status: is, reason }: KubeFields) => [
        type,
        reason === undefined ? is : `${is} ${reason}`,
      ]),
  );
const split = () => status().traffic.map(({ revisionName, percent }: KubeFields) => `${revisionName} ${percent}`);
const size = (revision: string) => bed.get(RESOURCES.deployment, `${revision}-deployment`)?.spec.replicas;
const pinned = (revisionName: string, latest: number) => ({
  traffic: [
    { latestRevision: true, percent: latest },
    { revisionName, percent: 100 - latest },
  ],
});

/** Programs of this tag start when the answer is called. */
function held(tag: string): () => void {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  bed.gates.set(tag, () => opened);
  return open;
}

beforeEach(async () => {
  clock = createManualClock();
  bed = await startTestbed({ clock, crds: knativeCrds() });
});

afterEach(async () => {
  await bed.stop();
  expect(bed.reports).toEqual([]);
});

describe("a Knative Service", () => {
  it("makes a Revision that runs, and sends it everything", async () => {
    bed.apply(service("1"));
    await bed.settle();
    expect(status()).toMatchObject({
      observedGeneration: 1,
      latestCreatedRevisionName: "web-00001",
      latestReadyRevisionName: "web-00001",
      url: "http://web.default.example.com",
      traffic: [{ revisionName: "web-00001", latestRevision: true, percent: 100 }],
    });
    expect(states()).toEqual({ ConfigurationsReady: "True", RoutesReady: "True", Ready: "True" });
    const [container] = bed.get(RESOURCES.deployment, "web-00001-deployment")?.spec.template.spec.containers ?? [];
    expect(container).toMatchObject({
      name: "user-container",
      image: "puppet:1",
      env: expect.arrayContaining([
        { name: "PORT", value: "8080" },
        { name: "K_REVISION", value: "web-00001" },
      ]),
    });
    expect(bed.get(RESOURCES.service, "web-00001")?.spec.ports).toMatchObject([{ port: 80, targetPort: 8080 }]);
    expect(bed.get(RESOURCES.service, "web")?.spec).toMatchObject({ ports: [{ port: 80 }] });
  });

  it("asks the port of the container whether it is ready", async () => {
    const probes = ["a", "b"].map((name, i) => {
      const container =
        i === 0 ? {} : { ports: [{ containerPort: 9898 }], readinessProbe: { httpGet: { path: "/ok" } } };
      const made = service("1", {}, container);
      made.metadata.name = name;
      bed.apply(made);
      return () =>
        bed.get(RESOURCES.deployment, `${name}-00001-deployment`)?.spec.template.spec.containers[0].readinessProbe;
    });
    await bed.settle();
    expect(probes.map((read) => read())).toMatchObject([
      { tcpSocket: { port: 8080 } },
      { httpGet: { path: "/ok", port: 9898 } },
    ]);
  });

  it("completes its traffic, and refuses one that is not whole", async () => {
    bed.apply(service("1"));
    await bed.settle();
    await change({ traffic: [{ revisionName: "web-00001", percent: 100 }, { latestRevision: true }] });
    expect(bed.get(KNATIVE.service, "web")?.spec.traffic).toEqual([
      { revisionName: "web-00001", percent: 100, latestRevision: false },
      { latestRevision: true, percent: 0 },
    ]);
    await expect(change({ traffic: [{ latestRevision: true, percent: 90 }] })).rejects.toThrow("sum to 100");
  });

  it("makes no Revision of a template that says the same with empty fields, as Go clients write it back", async () => {
    bed.apply(service("1"));
    await bed.settle();
    const empty = { ...PROBE, image: "puppet:1", name: "", resources: {} };
    await change({ template: { metadata: { creationTimestamp: null }, spec: { containers: [empty] } } });
    expect(status()).toMatchObject({ observedGeneration: 2, latestCreatedRevisionName: "web-00001" });
    await release("2");
    expect(status()).toMatchObject({ latestCreatedRevisionName: "web-00002" });
  });

  it("keeps its split until the new Revision is ready", async () => {
    bed.apply(service("1"));
    await bed.settle();
    const start = held("2");
    await release("2");
    expect(status()).toMatchObject({ latestCreatedRevisionName: "web-00002", latestReadyRevisionName: "web-00001" });
    expect([split(), states()]).toEqual([
      ["web-00001 100"],
      { ConfigurationsReady: "Unknown", RoutesReady: "True", Ready: "Unknown" },
    ]);
    await change(pinned("web-00002", 0));
    expect([split(), states("route").AllTrafficAssigned]).toEqual([["web-00001 100"], "Unknown RevisionMissing"]);
    start();
    await bed.settle();
    expect([split(), states().Ready]).toEqual([["web-00002 0", "web-00002 100"], "True"]);
  });

  it("splits between its latest Revision and one by name; others go to rest, and wake up before they are asked", async () => {
    bed.apply(service("1"));
    await bed.settle();
    await release("2", pinned("web-00001", 30));
    expect(split()).toEqual(["web-00002 30", "web-00001 70"]);
    await change(pinned("web-00002", 0));
    await clock.advance(29_000);
    await bed.settle();
    expect([size("web-00001"), size("web-00002")]).toEqual([1, 1]);
    await clock.advance(2_000);
    await bed.settle();
    expect([size("web-00001"), size("web-00002")]).toEqual([0, 1]);
    expect(bed.get(KNATIVE.revision, "web-00001")?.status.conditions).toContainEqual(
      expect.objectContaining({ type: "Ready", status: "True" }),
    );
    const start = held("1");
    await change(pinned("web-00001", 0));
    expect([split(), size("web-00001")]).toEqual([["web-00002 0", "web-00002 100"], 1]);
    start();
    await bed.settle();
    expect(split()).toEqual(["web-00002 0", "web-00001 100"]);
  });

  it("says what is wrong with its traffic, and goes on as before", async () => {
    bed.apply(service("1"));
    await bed.settle();
    await change(pinned("web-00007", 0));
    expect([split(), states().RoutesReady]).toEqual([["web-00001 100"], "False RevisionMissing"]);
  });

  it("takes everything with it", async () => {
    bed.apply(service("1", { traffic: [{ latestRevision: true, percent: 100, tag: "new" }] }));
    await bed.settle();
    expect(bed.get(RESOURCES.service, "new-web")).toBeDefined();
    bed.store.remove(KNATIVE.service, "default", "web");
    await bed.until("all gone", () =>
      [...Object.values(KNATIVE), RESOURCES.deployment, RESOURCES.service, RESOURCES.pod].every(
        (type) => bed.store.list(type, "default").length === 0,
      ),
    );
  });
});
