/** What tenants store costs the console little memory, and takes no page from the others. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { STEERING } from "../../src/ports/steering.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { PROGRAM } from "../program.ts";
import { canaryOf, deployment, kubeconfigOf } from "./burst.ts";

const MiB = 2 ** 20;
const HEAP_MB = 120;
const CANARIES = 400;
const RUNS = 1_000;
/** Pods of a workload, Events of a Canary, freezes and Deployments. */
const OTHERS = 1_500;

/** Canaries of 1 MiB in 40 namespaces, and records of 128 KiB, of which the console keeps less. */
async function crowded() {
  const filler = "x".repeat(MiB);
  const images = Object.fromEntries(Array.from({ length: 128 }, (_, i) => [`c-${i}`, filler.slice(0, 1000)]));
  const cluster = await startStubCluster({
    intercept(_, path) {
      if (path.endsWith("/selfsubjectreviews"))
        return { code: 201, body: { status: { userInfo: { username: "me" } } } };
      return path.endsWith("accessreviews") ? { code: 201, body: { status: { allowed: true } } } : undefined;
    },
    fill(object) {
      const { kind, metadata, spec } = object;
      if (!metadata.namespace?.startsWith("abuser-")) return object;
      if (kind === "CanaryRun") return { ...object, spec: { ...spec, images } } as KubeObject;
      if (kind === "Pod") return { ...object, spec: { filler: filler.slice(0, MiB / 8) } };
      if (kind === "Deployment") return { ...object, spec: { ...spec, filler: filler.slice(0, MiB / 8) } };
      const annotations = { filler: filler.slice(0, MiB / 8) };
      if (kind === "Event" || kind === "CanaryFreeze") return { ...object, metadata: { ...metadata, annotations } };
      const webhooks = [{ name: "x", url: "http://x", metadata: { filler } }];
      return kind === "Canary" ? { ...object, spec: { ...spec, analysis: { ...spec?.analysis, webhooks } } } : object;
    },
  });
  for (let i = 0; i < CANARIES; i += 1)
    cluster.put(RESOURCES.canary, canaryOf({ namespace: `abuser-${i % 40}`, name: `c-${i}` }));
  for (let i = 0; i < RUNS; i += 1) {
    const metadata = { namespace: `abuser-${i % 40}`, name: `r-${i}` };
    cluster.put(STEERING.run, { metadata, spec: { canary: `c-${i % CANARIES}` }, status: { verdict: "promoted" } });
  }
  crowd(cluster, cluster.get(RESOURCES.canary, "abuser-0", "c-0")?.metadata.uid ?? "");
  cluster.put(RESOURCES.canary, canaryOf({ namespace: "quiet", name: "app" }));
  const metadata = { namespace: "quiet", name: "app-1" };
  cluster.put(STEERING.run, {
    metadata,
    spec: { canary: "app" },
    status: { verdict: "promoted", sentence: "Promoted." },
  });
  return cluster;
}

/** What the page of a Canary reads, and that of the checks. */
function crowd(cluster: StubCluster, uid: string): void {
  const namespace = "abuser-0";
  for (let i = 0; i < OTHERS; i += 1) {
    const name = i === 0 ? "c-0" : `x-${i}`;
    cluster.put(RESOURCES.deployment, deployment({ namespace, name }));
    cluster.put(RESOURCES.pod, { metadata: { namespace, name, labels: { app: "c-0" } }, status: { phase: "Running" } });
    const event = { involvedObject: { uid }, type: "Normal", message: `event ${i}` };
    cluster.put(RESOURCES.event, { metadata: { namespace, name }, ...event });
    cluster.put(STEERING.freeze, { metadata: { namespace, name }, spec: { by: "me", runs: "finish" } });
  }
}

it(`the console lives within a heap of ${HEAP_MB} MB beside tenants who store large objects, and shows all canaries`, async () => {
  const cluster = await crowded();
  const folder = mkdtempSync(join(tmpdir(), "console-memory-"));
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(cluster.url));
  const args = ["console", "--auth", "none", "--port", "0", "--kubeconfig", kubeconfig];
  const program = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, PROGRAM, ...args]);
  const died = once(program, "exit").then(([code]) => Promise.reject(new Error(`the console ended with code ${code}`)));
  died.catch(() => undefined);
  try {
    let said = "";
    const listens = new Promise<string>((resolve) => {
      for (const stream of [program.stdout, program.stderr])
        stream.on("data", (more: Buffer) => {
          said += more.toString();
          const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0];
          if (url !== undefined) resolve(url);
        });
    });
    const url = await Promise.race([listens, died]);
    const read = async (path: string): Promise<KubeFields> => {
      const answer = await Promise.race([fetch(`${url}api/v1/${path}`), died]);
      expect([path, answer.status]).toEqual([path, 200]);
      return (await answer.json()) as KubeFields;
    };
    const { rows } = await read("canaries");
    expect(rows).toHaveLength(CANARIES + 1);
    const left = rows.filter(({ what }: { what: string }) => what.startsWith("open its page:"));
    expect(left.length).toBeGreaterThan(0);
    expect(left.filter(({ namespace }: { namespace: string }) => namespace === "quiet")).toEqual([]);
    // Its page reads it whole.
    expect((await read(`canaries/${left[0].namespace}/${left[0].name}`)).plan.length).toBeGreaterThan(0);
    // Each answer waits for the records for some seconds: the test ends with its own limit.
    let runs: readonly KubeFields[] = [];
    while (runs.length === 0) ({ runs } = await read("canaries/quiet/app"));
    expect(runs).toMatchObject([{ id: "app-1", sentence: "Promoted." }]);
    for (let i = 0; i < 5; i += 1) await read("runs");
    const crowded = await read("canaries/abuser-0/c-0");
    expect([crowded.canary.pods.length, crowded.events.length]).toEqual([OTHERS, 100]);
    expect((await read("freezes")).rows).toHaveLength(OTHERS);
    expect((await read("checks")).findings.length).toBeGreaterThan(0);
    await read("insights");
    const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
    const most = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
    expect(most).toBeLessThan(350);
  } finally {
    program.kill("SIGKILL");
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
});
