import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { podinfo } from "../apps/podinfo/index.ts";
import { machineClock } from "../clock.ts";
import { isReady } from "../controllers/pods.ts";
import { serviceFor, startTestbed, type Testbed } from "../controllers/testbed.ts";

const { pod, endpoints, configMap, secret } = RESOURCES;
const apps = (image: { readonly repository: string }) => (image.repository === "podinfo" ? podinfo : undefined);

function podOf(name: string, container: KubeFields = {}, spec: KubeFields = {}): KubeObject {
  const ports = [{ name: "http", containerPort: 9898 }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: name } },
    spec: { containers: [{ name: "app", image: "puppet:1", ports, ...container }], ...spec },
  };
}

const keyed = (kind: string, name: string, data: Record<string, string>): KubeObject => {
  return { apiVersion: "v1", kind, metadata: { name, namespace: "default" }, data };
};

let clock: ManualClock;
let bed: Testbed;

afterEach(async () => {
  await bed.stop();
  expect(bed.reports).toEqual([]);
});

const live = (name: string) => bed.get(pod, name) as KubeObject;
const state = (name: string) => live(name).status?.containerStatuses?.[0] as KubeFields;
const condition = (name: string, type: string) =>
  live(name).status?.conditions?.find((entry: KubeFields) => entry.type === type) as KubeFields;

describe("a pod under a clock that stands still", () => {
  beforeEach(async () => {
    clock = createManualClock();
    bed = await startTestbed({ clock, apps });
  });

  it("is scheduled, gets an address, runs, and tells its story in events", async () => {
    bed.apply(podOf("one"));
    await bed.settle();
    expect(live("one").spec.nodeName).toBe("sandbox");
    expect(live("one").status).toMatchObject({ phase: "Running", startTime: "2024-01-01T00:00:00Z" });
    expect(live("one").status.podIPs).toEqual([{ ip: live("one").status.podIP }]);
    expect(state("one")).toMatchObject({ ready: true, started: true, restartCount: 0, state: { running: {} } });
    for (const type of ["PodScheduled", "Initialized", "ContainersReady", "Ready"]) {
      expect(condition("one", type)).toMatchObject({ status: "True" });
    }
    expect(bed.events("one")).toEqual([
      "Scheduled: Successfully assigned default/one to sandbox",
      'Pulled: Container image "puppet:1" already present on machine',
      "Created: Created container: app",
      "Started: Started container app",
    ]);
  });

  it("stays Pending when no node fits", async () => {
    bed.apply(podOf("one", {}, { nodeSelector: { "flagger.app/scale-to-zero": "true" } }));
    await bed.settle();
    expect(live("one").status.phase).toBe("Pending");
    expect(condition("one", "PodScheduled")).toMatchObject({ status: "False", reason: "Unschedulable" });
    bed.store.remove(pod, "default", "one");
    expect(bed.get(pod, "one")).toBeUndefined();
  });

  it("serves for as long as the slowest proxy needs to forget it", async () => {
    bed.kubelet.drainAtLeast(3_000);
    bed.kubelet.drainAtLeast(1_000);
    bed.apply(podOf("one"));
    await bed.settle();
    bed.store.remove(pod, "default", "one");
    await bed.settle();
    await clock.advance(2_999);
    await bed.settle();
    expect(bed.puppets.map(({ stopped }) => stopped)).toEqual([false]);
    await clock.advance(1);
    await bed.settle();
    expect(bed.puppets.map(({ stopped }) => stopped)).toEqual([true]);
  });

  it("waits for an unknown image, and reports it", async () => {
    bed.apply(podOf("one", { image: "example.org/nothing:1" }));
    await bed.settle();
    expect(live("one").status.phase).toBe("Pending");
    expect(state("one").state.waiting.reason).toBe("ImagePullBackOff");
    expect(bed.events("one").filter((text) => text.startsWith("Failed: Failed to pull image"))).toHaveLength(1);
    await clock.advance(10_000);
    await bed.settle();
    const failed = bed.store.list(RESOURCES.event).find((event) => event["message"].startsWith("Failed to pull"));
    expect(failed?.["count"]).toBe(2);
  });

  it("waits for a missing ConfigMap and goes on as soon as it is there", async () => {
    const env = [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "ui", key: "color" } } }];
    bed.apply(podOf("one", { env }));
    await bed.settle();
    expect(state("one").state.waiting).toEqual({
      reason: "CreateContainerConfigError",
      message: 'configmap "ui" not found',
    });
    bed.apply(keyed("ConfigMap", "ui", { color: "red" }));
    await bed.settle();
    expect(live("one").status.phase).toBe("Running");
    expect(bed.puppets[0]?.context.env["COLOR"]).toBe("red");
  });

  it("resolves environment, command line and files", async () => {
    bed.apply(keyed("ConfigMap", "conf", { "a.txt": "A", mode: "fast" }));
    bed.apply(keyed("Secret", "keys", { token: Buffer.from("s3cret").toString("base64") }));
    const container = {
      command: ["./run", "--mode=$(MODE)"],
      args: ["$(UNKNOWN)", "$$(MODE)"],
      envFrom: [{ configMapRef: { name: "conf" }, prefix: "C_" }],
      env: [
        { name: "MODE", value: "very-$(C_mode)" },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } },
        { name: "ME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: "NONE", valueFrom: { configMapKeyRef: { name: "conf", key: "no", optional: true } } },
      ],
      volumeMounts: [
        { name: "conf", mountPath: "/etc/conf" },
        { name: "all", mountPath: "/etc/all/" },
        { name: "conf", mountPath: "/one.txt", subPath: "a.txt" },
        { name: "tmp", mountPath: "/tmp" },
      ],
    };
    const sources = [
      { secret: { name: "keys" } },
      { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
    ];
    const volumes = [
      { name: "conf", configMap: { name: "conf" } },
      { name: "all", projected: { sources } },
      { name: "tmp", emptyDir: {} },
    ];
    bed.apply(podOf("one", container, { volumes }));
    await bed.settle();
    const context = bed.puppets[0]?.context;
    expect(context?.argv).toEqual(["./run", "--mode=very-fast", "$(UNKNOWN)", "$(MODE)"]);
    const ip = live("one").status.podIP;
    expect(context?.env).toMatchObject({ "C_a.txt": "A", TOKEN: "s3cret", ME: "one", IP: ip, APP: "one" });
    expect(context?.env).not.toHaveProperty("NONE");
    const files = () => Object.fromEntries([...(context?.files ?? [])].map(([k, v]) => [k, Buffer.from(v).toString()]));
    expect(files()).toMatchObject({
      "/etc/conf/a.txt": "A",
      "/etc/conf/mode": "fast",
      "/etc/all/token": "s3cret",
      "/etc/all/name": "one",
      "/one.txt": "A",
      "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "default",
    });
    bed.change(configMap, "conf", (copy) => {
      copy.data = { "a.txt": "B" };
    });
    await bed.settle();
    expect(files()).toMatchObject({ "/etc/conf/a.txt": "B" });
    expect(bed.get(secret, "keys")).toBeDefined();
  });

  it("runs init containers to completion first", async () => {
    const init = { name: "init", image: "puppet:init" };
    bed.apply(podOf("one", {}, { initContainers: [init] }));
    await bed.settle();
    expect(bed.puppets.map(({ context }) => context.containerName)).toEqual(["init"]);
    expect(live("one").status.phase).toBe("Pending");
    expect(state("one").state.waiting.reason).toBe("PodInitializing");
    bed.puppets[0]?.exit(0);
    await bed.settle();
    expect(bed.puppets.map(({ context }) => context.containerName)).toEqual(["init", "app"]);
    expect(condition("one", "Initialized").status).toBe("True");
  });

  it("backs off from a crashing program: at once, then 10 s, then 20 s", async () => {
    bed.apply(podOf("one"));
    await bed.settle();
    for (const wait of [0, 10_000, 20_000]) {
      bed.puppets.at(-1)?.exit(255);
      await bed.settle();
      if (wait > 0) {
        expect(state("one").state.waiting.reason).toBe("CrashLoopBackOff");
        expect(state("one").lastState.terminated).toMatchObject({ exitCode: 255, reason: "Error" });
        expect(condition("one", "Ready")).toMatchObject({ status: "False", reason: "ContainersNotReady" });
        await clock.advance(wait - 1);
        await bed.settle();
        expect(state("one").state.running).toBeUndefined();
        await clock.advance(1);
        await bed.settle();
      }
      expect(state("one").state.running).toBeDefined();
    }
    expect(state("one").restartCount).toBe(3);
    expect(bed.events("one")).toContain("BackOff: Back-off restarting failed container app");
  });

  it("ends when its program ends and must not be restarted", async () => {
    bed.apply(podOf("good", {}, { restartPolicy: "Never" }));
    bed.apply(podOf("bad", {}, { restartPolicy: "Never" }));
    await bed.settle();
    for (const { context, exit } of bed.puppets) exit(context.podName === "good" ? 0 : 3);
    await bed.settle();
    expect(live("good").status.phase).toBe("Succeeded");
    expect(live("bad").status.phase).toBe("Failed");
    expect(state("good").state.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
    bed.store.remove(pod, "default", "good");
    await bed.settle();
    expect(bed.get(pod, "good")).toBeUndefined();
  });

  it("keeps logs until the pod is gone, and tells followers the end", async () => {
    bed.apply(podOf("one"));
    await bed.settle();
    bed.puppets[0]?.context.log("hello");
    const seen: string[] = [];
    bed.kubelet.logs.follow(
      "default",
      "one",
      undefined,
      (line) => seen.push(line.text),
      () => seen.push("(end)"),
    );
    bed.puppets[0]?.context.log("world");
    expect(bed.kubelet.logs.read("default", "one", "app")?.map((line) => line.text)).toEqual(["hello", "world"]);
    bed.store.remove(pod, "default", "one");
    await bed.settle();
    expect(seen).toEqual(["world", "(end)"]);
    expect(bed.kubelet.logs.read("default", "one", undefined)).toBeUndefined();
  });
});

describe("a pod that serves HTTP", () => {
  beforeEach(async () => {
    bed = await startTestbed({ clock: machineClock, apps, drainMs: 20 });
  });

  const probe = (path: string, more: KubeFields = {}) => {
    return { httpGet: { path, port: "http" }, periodSeconds: 1, failureThreshold: 1, ...more };
  };
  const ask = async (name: string, path: string, method = "GET") =>
    await fetch(`http://${live(name).status.podIP}:9898${path}`, { method });
  const listed = (name: string): number => bed.get(endpoints, name)?.["subsets"]?.[0]?.addresses?.length ?? 0;

  it("enters and leaves the endpoints with its readiness probe", async () => {
    bed.apply(serviceFor("web"));
    bed.apply(podOf("web", { image: "podinfo:6.0.0", readinessProbe: probe("/readyz") }));
    await bed.until("ready", () => isReady(live("web")) && listed("web") === 1);
    await ask("web", "/readyz/disable", "POST");
    await bed.until("unready", () => !isReady(live("web")) && listed("web") === 0);
    expect(bed.get(endpoints, "web")?.["subsets"][0].notReadyAddresses).toHaveLength(1);
    expect(bed.events("web")).toContain("Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503");
    await ask("web", "/readyz/enable", "POST");
    await bed.until("ready again", () => isReady(live("web")) && listed("web") === 1);
  });

  it("restarts what fails its liveness probe", async () => {
    const unhealthy = { image: "podinfo:6.0.0", args: ["--unhealthy"], livenessProbe: probe("/healthz") };
    bed.apply(podOf("web", unhealthy));
    await bed.until("restarted", () => state("web")?.restartCount >= 1);
    expect(bed.events("web")).toContain("Killing: Container app failed liveness probe, will be restarted");
  });

  it("understands probe commands that ask the pod itself", async () => {
    const exec = (command: string[]) => ({ exec: { command }, periodSeconds: 1, failureThreshold: 1 });
    const podcli = exec(["podcli", "check", "http", "localhost:9898/readyz"]);
    const curl = exec(["sh", "-c", "curl -sf http://127.0.0.1:9898/readyz"]);
    const odd = exec(["cat", "/tmp/healthy"]);
    bed.apply(podOf("a", { image: "podinfo:6.0.0", readinessProbe: podcli }));
    bed.apply(podOf("b", { image: "podinfo:6.0.0", args: ["--unready"], readinessProbe: curl }));
    bed.apply(podOf("c", { image: "podinfo:6.0.0", readinessProbe: odd }));
    await bed.until("a and c ready", () => isReady(live("a")) && isReady(live("c")));
    await bed.until("b fails", () => bed.events("b").some((text) => text.includes("statuscode: 503")));
    expect(isReady(live("b"))).toBe(false);
    expect(bed.events("c").join()).toContain('cannot run the probe command "cat /tmp/healthy"');
  });

  it("drops no request while it is replaced", async () => {
    const readinessProbe = probe("/readyz");
    const template = (tag: string) => ({
      metadata: { labels: { app: "web" } },
      spec: podOf("web", { image: `podinfo:${tag}`, readinessProbe }).spec,
    });
    const metadata = { name: "web", namespace: "default" };
    const spec = { replicas: 2, selector: { matchLabels: { app: "web" } }, template: template("1.0.0") };
    bed.apply({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec });
    bed.apply(serviceFor("web"));
    await bed.until("two ready", () => listed("web") === 2);
    const answers = new Map<string, number>();
    let done = false;
    const client = async () => {
      while (!done) {
        const addresses: KubeFields[] = bed.get(endpoints, "web")?.["subsets"]?.[0]?.addresses ?? [];
        const target = addresses[Math.floor(Math.random() * addresses.length)];
        const outcome = await fetch(`http://${target?.ip}:9898/version`).then(
          async (response) => `${response.status} ${((await response.json()) as KubeFields).version}`,
          (error: unknown) => String((error as Error).cause ?? error),
        );
        answers.set(outcome, (answers.get(outcome) ?? 0) + 1);
      }
    };
    const clients = [client(), client()];
    bed.change(RESOURCES.deployment, "web", (copy) => {
      copy.spec.template = template("2.0.0");
    });
    const image = (object: KubeObject) => object.spec.containers[0].image;
    await bed.until(
      "replaced",
      () => bed.pods().length === 2 && bed.pods().every((each) => image(each) === "podinfo:2.0.0"),
    );
    done = true;
    await Promise.all(clients);
    expect([...answers.keys()].sort()).toEqual(["200 1.0.0", "200 2.0.0"]);
  });
});
