/** What a tenant stores costs the operator little memory: otherwise it would be killed, for all tenants. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { STEERING, VERDICT_LABEL } from "../../src/ports/steering.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { PROGRAM } from "../program.ts";
import { canaryOf, deployment, kubeconfigOf, reaches } from "./burst.ts";

const MiB = 2 ** 20;
const ABUSERS = 40;
const REF = { namespace: "tenant", name: "app" };

/** A target that takes its environment from one Secret. */
function target(image: string) {
  const object = deployment(REF);
  const [container] = object.spec.template.spec.containers;
  Object.assign(container, { image, envFrom: [{ secretRef: { name: "s-7" } }] });
  return object;
}

interface Stored {
  readonly count: number;
  readonly type: ResourceType;
  /** "*": each in one of `ABUSERS` namespaces. */
  readonly namespace: string;
  readonly make: (ref: { readonly namespace: string; readonly name: string }) => KubeFields;
  /** Makes it large when it is sent; all of them would not fit in memory. */
  readonly fill: (object: KubeObject, filler: string) => KubeFields;
  readonly provider?: string;
}

/** A cluster with a Canary and its target, and with all that is stored beside them. */
async function clusterWith({ count, type, namespace, make, fill, provider }: Stored): Promise<StubCluster> {
  const filler = "x".repeat(MiB);
  const isIn = (own: string | undefined) => (namespace === "*" ? own?.startsWith("abuser-") : own === namespace);
  const isFilled = ({ kind, metadata }: KubeObject) =>
    kind === type.kind && isIn(metadata.namespace) && metadata.name.startsWith("s-");
  const cluster = await startStubCluster({
    fill: (object) => (isFilled(object) ? ({ ...object, ...fill(object, filler) } as KubeObject) : object),
  });
  const homeOf = (i: number) => (namespace === "*" ? `abuser-${i % ABUSERS}` : namespace);
  for (let i = 0; i < count; i += 1) cluster.put(type, make({ namespace: homeOf(i), name: `s-${i}` }));
  if (type !== RESOURCES.secret) {
    cluster.put(RESOURCES.secret, { metadata: { namespace: "tenant", name: "s-7" }, data: { value: "MQ==" } });
  }
  cluster.put(RESOURCES.deployment, target("app:1"));
  const { spec, ...canary } = canaryOf(REF);
  const analysis = { ...spec.analysis, interval: "1s" };
  cluster.put(RESOURCES.canary, { ...canary, spec: { ...spec, ...(provider && { provider }), analysis } });
  return cluster;
}

/**
 * Runs a release, and another one for the Secret when that changes. @returns the most memory that the operator took,
 * bytes
 */
async function memoryOfReleases(cluster: StubCluster, isSecretChanged: boolean): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "memory-"));
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(cluster.url));
  const flags = ["-port=0", "-interval-floor=100ms", "-mesh-provider=kubernetes", "-metrics-server=http://127.0.0.1:9"];
  const initialised = reaches(cluster, REF, "Initialized");
  const operator = spawn(
    process.execPath,
    ["--max-old-space-size=200", PROGRAM, "operator", `-kubeconfig=${kubeconfig}`, ...flags],
    { stdio: "ignore" },
  );
  const ended = new Promise<number | null>((resolve) => operator.once("exit", resolve));
  const died = ended.then((code) => Promise.reject(new Error(`the operator ended with code ${code}`)));
  died.catch(() => undefined);
  try {
    await Promise.race([initialised, died]);
    const succeeded = reaches(cluster, REF, "Succeeded");
    cluster.put(RESOURCES.deployment, { ...cluster.get(RESOURCES.deployment, "tenant", "app"), ...target("app:2") });
    await Promise.race([succeeded, died]);
    if (isSecretChanged) {
      const again = reaches(cluster, REF, "Succeeded");
      cluster.put(RESOURCES.secret, { metadata: { namespace: "tenant", name: "s-7" }, data: { value: "Mg==" } });
      await Promise.race([again, died]);
      const copy = cluster.get(RESOURCES.secret, "tenant", "s-7-primary");
      expect(copy?.data.value).toBe("Mg==");
    }
    const status = readFileSync(`/proc/${operator.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  } finally {
    operator.kill("SIGKILL");
    await ended;
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
}

const annotated = ({ metadata }: KubeObject, filler: string) => ({
  metadata: { ...metadata, annotations: { "example.com/filler": filler.slice(0, MiB / 4) } },
});
const named = (ref: object) => ({ metadata: ref, spec: {} });

const largeCanary = ({ spec }: KubeObject, filler: string) => ({
  spec: { ...spec, analysis: { ...spec.analysis, webhooks: [{ name: "x", url: "http://x", metadata: { filler } }] } },
});

/** Each is more than the operator may take: one that kept all of it would end. */
const STORED: readonly (Stored & { readonly what: string; readonly most: number })[] = [
  {
    ...{ what: "1,000 Secrets of 1 MiB", most: 200, count: 1000, type: RESOURCES.secret, namespace: "tenant" },
    make: (metadata) => ({ metadata, data: { value: "MQ==" } }),
    fill: ({ data }, filler) => ({ data: { ...data, filler } }),
  },
  {
    ...{ what: "300 Canaries of 1 MiB", most: 300, count: 300, type: RESOURCES.canary, namespace: "other" },
    make: canaryOf,
    fill: largeCanary,
  },
  {
    ...{
      what: "400 Canaries of 1 MiB in 40 namespaces",
      most: 400,
      count: 400,
      type: RESOURCES.canary,
      namespace: "*",
    },
    make: canaryOf,
    fill: largeCanary,
  },
  {
    ...{ what: "250 Deployments of 1 MiB", most: 200, count: 250, type: RESOURCES.deployment, namespace: "other" },
    make: deployment,
    fill: ({ spec }, filler) => ({ spec: { ...spec, filler } }),
  },
  {
    ...{ what: "800 Services of 256 KiB", most: 200, count: 800, type: RESOURCES.service, namespace: "other" },
    ...{ make: named, fill: annotated },
  },
  {
    ...{ what: "800 routes of 256 KiB", most: 200, count: 800, type: RESOURCES.virtualService, namespace: "tenant" },
    ...{ make: named, fill: annotated, provider: "istio" },
  },
  {
    // The operator looks through the records of a namespace when a release begins.
    ...{ what: "4,000 records of 128 KiB", most: 200, count: 4000, type: STEERING.run, namespace: "tenant" },
    make: (metadata) => ({
      metadata: { ...metadata, labels: { [VERDICT_LABEL]: "running" } },
      spec: { canary: `of-${metadata.name}`, startedAt: "2026-01-01T00:00:00Z" },
    }),
    fill: (_, filler) => ({ status: { sentence: filler.slice(0, MiB / 8) } }),
  },
];

it.each(STORED)("a release succeeds within $most MB beside $what", async ({ what: _, most, ...stored }) => {
  const cluster = await clusterWith(stored);
  const taken = await memoryOfReleases(cluster, stored.type === RESOURCES.secret);
  if (stored.type === RESOURCES.canary) {
    const said = cluster.list(RESOURCES.event).map(({ message }) => String(message));
    const start = `this Canary is left alone: the objects of namespace ${stored.namespace === "*" ? "abuser-" : "other"}`;
    const refused = said.filter((message) => message.startsWith(start));
    expect(refused.length).toBeGreaterThan(0);
  }
  expect(taken).toBeLessThan(most * 1_000_000);
});
