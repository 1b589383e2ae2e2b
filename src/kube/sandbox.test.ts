/** The client against the sandbox's API server, which checks what a real one checks. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import { createDispatcher } from "../net/dispatcher.ts";
import { isConflict, type KubeReader, type KubeWriter } from "../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../ports/kubernetes.ts";
import { SILENT_LOG } from "../ports/log.ts";
import { createKubeEvents } from "../recorders/kube-events/index.ts";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { createKubeClient, serverVersion } from "./client.ts";
import { createClusterCache } from "./cluster-cache.ts";
import { loadAccess } from "./config.ts";
import { leadWithLease, watchLease } from "./lease.ts";
import { WATCH_TIMING } from "./reflector.ts";
import { createTransport, type KubeTransport } from "./transport.ts";

const NOT_ABORTED = new AbortController().signal;
const timing = { ...WATCH_TIMING, backOffMinMs: 5, backOffMaxMs: 20 };
const common = { clock: systemClock, random: () => 0, log: SILENT_LOG };

let addresses: AddressBlock;
let server: ApiServer;
let folder: string;
let transport: KubeTransport;
let client: KubeReader & KubeWriter;
let stop: AbortController;

beforeAll(async () => {
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  folder = await mkdtemp(join(tmpdir(), "sandbox-"));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, server.kubeconfig);
  const access = await loadAccess({ clock: systemClock, kubeconfig });
  transport = createTransport({
    connect: createDispatcher,
    ...common,
    access,
    qps: 0,
    burst: 1,
    userAgent: "aviary/test",
  });
  client = createKubeClient(transport, "flagger");
  stop = new AbortController();
  await client.create(RESOURCES.namespace, namespaceOf("test"), NOT_ABORTED);
});

afterAll(async () => {
  stop.abort();
  await transport.close();
  await server.stop();
  await addresses.release();
  await rm(folder, { recursive: true });
});

const namespaceOf = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

const deployment = (name: string, replicas?: number): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "test", labels: { app: name } },
  spec: {
    ...(replicas === undefined ? {} : { replicas }),
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "podinfod", image: "podinfo:6.0.0" }] },
    },
  },
});

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("against the sandbox's API server", () => {
  it("accepts its kubeconfig", async () => {
    expect(await serverVersion(transport, NOT_ABORTED)).toMatch(/^v1\.\d+/);
  });

  it("applies, scales, patches, lists by label and deletes", async () => {
    const type = RESOURCES.deployment;
    const ref = { type, namespace: "test", name: "podinfo" };
    const applied = await client.apply(type, deployment("podinfo", 2), { force: false }, NOT_ABORTED);
    expect(applied.spec.replicas).toBe(2);
    const other = { force: false, fieldManager: "another-manager" };
    const conflict = await failure(client.apply(type, deployment("podinfo", 5), other, NOT_ABORTED));
    expect(isConflict(conflict)).toBe(true);
    expect(
      (await client.apply(type, deployment("podinfo", 5), { ...other, force: true }, NOT_ABORTED)).spec.replicas,
    ).toBe(5);
    const scale = await client.mergePatch(ref, { spec: { replicas: 0 } }, { subresource: "scale" }, NOT_ABORTED);
    expect([scale.kind, scale.spec.replicas]).toEqual(["Scale", 0]);
    const status = await client.mergePatch(ref, { status: { replicas: 7 } }, { subresource: "status" }, NOT_ABORTED);
    const { resourceVersion = "" } = applied.metadata;
    expect(
      isConflict(await failure(client.mergePatch(ref, { spec: { paused: true } }, { resourceVersion }, NOT_ABORTED))),
    ).toBe(true);
    expect([status.spec.replicas, status.status.replicas]).toEqual([0, 7]);
    const replicas = { op: "replace", path: "/spec/replicas", value: 3 } as const;
    const stale = { op: "test", path: "/spec/replicas", value: 99 } as const;
    expect(await failure(client.jsonPatch(ref, [stale, replicas], {}, NOT_ABORTED))).toMatchObject({ code: 422 });
    expect((await client.jsonPatch(ref, [replicas], {}, NOT_ABORTED)).spec.replicas).toBe(3);
    await client.create(type, deployment("other"), NOT_ABORTED);
    const found = await client.list(type, "", { labelSelector: "app=podinfo" }, NOT_ABORTED);
    expect(found.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(["Deployment podinfo"]);
    const namesake = await failure(client.delete(ref, { uid: "of-another-one" }, NOT_ABORTED));
    expect(isConflict(namesake)).toBe(true);
    expect(await client.delete(ref, { propagation: "Background" }, NOT_ABORTED)).toBe(true);
    expect(await client.get(ref, NOT_ABORTED)).toBeUndefined();
  });

  it("reports whether an object still has a version, without changing it", async () => {
    const created = await client.create(RESOURCES.deployment, deployment("asked"), NOT_ABORTED);
    const ref = { type: RESOURCES.deployment, namespace: "test", name: "asked" };
    const { resourceVersion = "" } = created.metadata;
    const same = await client.mergePatch(ref, {}, { resourceVersion }, NOT_ABORTED);
    expect(same.metadata.resourceVersion).toBe(resourceVersion);
    await client.mergePatch(ref, { metadata: { labels: { touched: "yes" } } }, {}, NOT_ABORTED);
    expect(isConflict(await failure(client.mergePatch(ref, {}, { resourceVersion }, NOT_ABORTED)))).toBe(true);
  });

  it("watches a kind from the moment it is installed until it is removed", async () => {
    const { group, version, kind, plural } = RESOURCES.virtualService;
    const caches = createClusterCache({ ...common, transport, timing }, stop.signal);
    const cache = caches.track(RESOURCES.virtualService);
    await cache.synced;
    expect(cache.absent).toBe(true);
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const name = `${plural}.${group}`;
    await client.create(
      RESOURCES.crd,
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name },
        spec: {
          group,
          scope: "Namespaced",
          names: { kind, plural, singular: kind.toLowerCase() },
          versions: [{ name: version, served: true, storage: true, schema }],
        },
      },
      NOT_ABORTED,
    );
    await until("the kind is there", () => !cache.absent);
    const object = { apiVersion: `${group}/${version}`, kind, metadata: { name: "podinfo", namespace: "test" } };
    await client.create(RESOURCES.virtualService, { ...object, spec: { hosts: ["a"] } }, NOT_ABORTED);
    await until("the object is there", () => cache.get("test", "podinfo")?.spec.hosts[0] === "a");
    await client.delete({ type: RESOURCES.crd, namespace: "", name }, {}, NOT_ABORTED);
    await until("the object is gone", () => cache.list().length === 0);
  });

  it("elects one of two leaders, and the other when that one leaves", async () => {
    await client.create(RESOURCES.namespace, namespaceOf("kube-lease-test"), NOT_ABORTED);
    const leading: string[] = [];
    const released = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "flagger-leader-election", namespace: "kube-lease-test" },
      // The Lease that a leader with an older client-go leaves.
      spec: {
        holderIdentity: "",
        leaseDurationSeconds: 1,
        leaseTransitions: 7,
        renewTime: "2024-01-01T00:00:00.000000Z",
      },
    };
    await client.create(RESOURCES.lease, released, NOT_ABORTED);
    const contend = (identity: string) => {
      const end = new AbortController();
      const place = { namespace: "kube-lease-test", name: "flagger-leader-election" };
      const cache = watchLease({ ...common, transport, timing }, place.namespace, place.name, end.signal);
      const done = leadWithLease(
        { ...common, ...place, client, cache, identity },
        (signal) =>
          new Promise((resolve) => {
            leading.push(identity);
            signal.addEventListener("abort", () => resolve());
          }),
        end.signal,
      );
      return { end, done };
    };
    const a = contend("a");
    await until("a leads", () => leading.length === 1);
    const b = contend("b");
    a.end.abort();
    expect(await a.done).toBe("released");
    await until("b leads", () => leading.join() === "a,b");
    const ref = { type: RESOURCES.lease, ...released.metadata };
    expect((await client.get(ref, NOT_ABORTED))?.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 9 });
    b.end.abort();
    expect(await b.done).toBe("released");
  });

  it("writes and counts events", async () => {
    const events = createKubeEvents({ ...common, writer: client });
    const { uid = "" } = (await client.create(RESOURCES.deployment, deployment("subject"), NOT_ABORTED)).metadata;
    const object = { apiVersion: "apps/v1", kind: "Deployment", namespace: "test", name: "subject", uid };
    for (let i = 0; i < 3; i += 1) events.record({ object, type: "Warning", message: "Halt subject.test" });
    await events.flush(NOT_ABORTED);
    const fieldSelector = "involvedObject.name=subject";
    const found = await client.list(RESOURCES.event, "test", { fieldSelector }, NOT_ABORTED);
    expect(found.map(({ count, reason, message }) => ({ count, reason, message }))).toEqual([
      { count: 3, reason: "Synced", message: "Halt subject.test" },
    ]);
  });
});
