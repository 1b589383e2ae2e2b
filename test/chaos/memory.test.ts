/** Unused objects of a namespace cost the operator no memory: otherwise it would be killed, for all tenants. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { PROGRAM } from "../program.ts";
import { canaryOf, deployment, kubeconfigOf } from "./burst.ts";

const MiB = 2 ** 20;
const REF = { namespace: "tenant", name: "app" };

/** Resolves when the Canary is in this phase. */
function reaches(cluster: StubCluster, phase: string): Promise<void> {
  return new Promise((resolve) =>
    cluster.onWrite(({ kind, ...object }) => {
      if (kind === "Canary" && object["status"]?.phase === phase) resolve();
    }),
  );
}

/** A target that takes its environment from one Secret. */
function target(image: string) {
  const object = deployment(REF);
  const [container] = object.spec.template.spec.containers;
  Object.assign(container, { image, envFrom: [{ secretRef: { name: "s-7" } }] });
  return object;
}

it("a release succeeds within 200 MB beside 5,000 Secrets of 1 MiB", async () => {
  const filler = "x".repeat(MiB);
  const isConfig = ({ kind }: KubeObject) => kind === "Secret";
  const cluster = await startStubCluster({
    fill: (object) => (isConfig(object) ? { ...object, data: { ...object["data"], filler } } : object),
  });
  for (let i = 0; i < 5000; i += 1) {
    cluster.put(RESOURCES.secret, { metadata: { namespace: "tenant", name: `s-${i}` }, data: { value: "MQ==" } });
  }
  cluster.put(RESOURCES.deployment, target("app:1"));
  const canary = canaryOf(REF);
  cluster.put(RESOURCES.canary, {
    ...canary,
    spec: { ...canary.spec, analysis: { ...canary.spec.analysis, interval: "1s" } },
  });
  const folder = mkdtempSync(join(tmpdir(), "memory-"));
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(cluster.url));
  const flags = ["-port=0", "-interval-floor=100ms", "-mesh-provider=kubernetes", "-metrics-server=http://127.0.0.1:9"];
  const initialised = reaches(cluster, "Initialized");
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
    const succeeded = reaches(cluster, "Succeeded");
    cluster.put(RESOURCES.deployment, { ...cluster.get(RESOURCES.deployment, "tenant", "app"), ...target("app:2") });
    await Promise.race([succeeded, died]);
    const again = reaches(cluster, "Succeeded");
    cluster.put(RESOURCES.secret, { metadata: { namespace: "tenant", name: "s-7" }, data: { value: "Mg==" } });
    await Promise.race([again, died]);
    const copy = cluster.get(RESOURCES.secret, "tenant", "s-7-primary");
    expect(copy?.data.value).toBe("Mg==");
    const status = readFileSync(`/proc/${operator.pid}/status`, "utf8");
    const highest = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    expect(highest).toBeLessThan(200_000_000);
  } finally {
    operator.kill("SIGKILL");
    await ended;
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
});
