/**
 * Everything around the rollouts: addresses, metrics, log, flags, exit codes, event webhooks, as Flagger's users know
 * them.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OPERATOR_FLAGS, readOperatorFlags } from "../../../src/operator/process/flags.ts";
import { type KubeFields, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, inPhase, podinfo } from "../harness/objects.ts";
import { runProgram } from "../harness/process.ts";
import { startMetricServer, startReceiver } from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.stop());

async function initialized(): Promise<void> {
  await world.until(RESOURCES.canary, "podinfo", "is initialised", inPhase("Initialized"));
  await world.until(RESOURCES.deployment, "podinfo", "is scaled down", ({ spec }) => spec.replicas === 0);
}

describe("addresses", () => {
  it("/healthz, /readyz and /metrics answer; other paths are not found, and odd ones crash nothing", async () => {
    const operator = await world.operator();
    expect(await operator.get("/healthz")).toEqual({ status: 200, body: "OK" });
    expect(await operator.get("/readyz")).toEqual({ status: 200, body: "OK" });
    expect(await operator.get("/healthz?verbose")).toEqual({ status: 200, body: "OK" });
    expect((await operator.get("/nowhere")).status).toBe(404);
    const { msg } = await operator.logged("Starting HTTP server on port ");
    const odd = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(msg.split(" ").at(-1)), "127.0.0.1");
      socket.once("data", (data) => resolve(String(data).split("\r\n")[0] ?? "")).once("error", reject);
      socket.end("GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    });
    expect(odd).toBe("HTTP/1.1 404 Not Found");
  });

  it("metrics have the names, labels and values of Flagger's", async () => {
    const metrics = await startMetricServer();
    metrics.value = () => 99.5;
    const operator = await world.operator([`-metrics-server=${metrics.url}`]);
    const check = { name: "request-success-rate", interval: "1m", thresholdRange: { min: 99 } };
    world.apply(podinfo("podinfo"), canary("podinfo", { metrics: [check] }));
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "takes a step", ({ status }) => status?.canaryWeight === 60);
    const during = (await operator.get("/metrics")).body;
    expect(during).toContain('flagger_canary_status{name="podinfo",namespace="test"} 0');
    expect(during).toMatch(/flagger_canary_weight\{workload="podinfo",namespace="test"\} (30|60)/);
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    await world.heard("podinfo", "Promotion completed!");
    const { body } = await operator.get("/metrics");
    const own = body.split("\n").filter((line) => line.includes("flagger_") && !line.includes("duration_seconds"));
    expect(own).toEqual([
      "# HELP flagger_info Flagger version and mesh provider information",
      "# TYPE flagger_info gauge",
      'flagger_info{version="1.44.0",mesh_provider="istio"} 1',
      "# HELP flagger_canary_total Total number of canary object",
      "# TYPE flagger_canary_total gauge",
      'flagger_canary_total{namespace="test"} 1',
      "# HELP flagger_canary_status Last canary analysis result",
      "# TYPE flagger_canary_status gauge",
      'flagger_canary_status{name="podinfo",namespace="test"} 1',
      "# HELP flagger_canary_weight The virtual service destination weight current value",
      "# TYPE flagger_canary_weight gauge",
      'flagger_canary_weight{workload="podinfo-primary",namespace="test"} 100',
      'flagger_canary_weight{workload="podinfo",namespace="test"} 0',
      "# HELP flagger_canary_metric_analysis Last canary analysis result per metric",
      "# TYPE flagger_canary_metric_analysis gauge",
      'flagger_canary_metric_analysis{name="podinfo",namespace="test",metric="request-success-rate"} 99.5',
      "# HELP flagger_canary_successes_total Total number of canary successes",
      "# TYPE flagger_canary_successes_total counter",
      'flagger_canary_successes_total{name="podinfo",namespace="test",deployment_strategy="canary",analysis_status="completed"} 1',
      "# HELP flagger_canary_failures_total Total number of canary failures",
      "# TYPE flagger_canary_failures_total counter",
    ]);
    expect(body).toContain('flagger_canary_duration_seconds_bucket{le="0.005",name="podinfo",namespace="test"}');
    expect(body).toContain("# HELP flagger_canary_duration_seconds Seconds spent performing canary analysis.");
    expect(body).toContain("process_cpu_seconds_total");
    await metrics.stop();
  });
});

describe("the log", () => {
  it("is one JSON object a line, with Flagger's keys and texts", async () => {
    const operator = await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    const line = await operator.logged("Initialization done! podinfo.test");
    expect(line).toEqual({
      level: "info",
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      canary: "podinfo.test",
      msg: "Initialization done! podinfo.test",
    });
    // The metric server is checked at the same time, so its line may come anywhere.
    const start = operator.lines.filter(({ msg }) => !msg.startsWith("Metrics server "));
    expect(start.slice(0, 6).map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      "info Starting flagger version 1.44.0 revision aviary mesh provider istio",
      expect.stringMatching(/^info Connected to Kubernetes API v1\./),
      expect.stringMatching(/^info Starting HTTP server on port \d+$/),
      "info Starting operator",
      "info Waiting for canary informer cache to sync",
      "info Started operator workers",
    ]);
    expect(await operator.logged("Metrics server ")).toMatchObject({
      level: "error",
      msg: expect.stringMatching(/^Metrics server http:\/\/127\.0\.0\.1:1 unreachable running query failed: /),
    });
  });
});

describe("flags", () => {
  it("all are read with one dash or two, `=` or a blank, and wrong ones are refused", () => {
    for (const [name, { kind, preset }] of Object.entries(OPERATOR_FLAGS)) {
      if (name === "version") continue;
      const value =
        { text: name === "port" ? "8081" : "x", bool: "true", int: "7", number: "7", duration: "7s" }[kind as string] ??
        preset;
      for (const argv of [
        [`-${name}=${value}`],
        [`--${name}=${value}`],
        ...(kind === "bool" ? [[`-${name}`]] : [[`-${name}`, value]]),
      ]) {
        expect(readOperatorFlags(argv, {}), argv.join(" ")).toMatchObject({ kind: "run" });
      }
    }
    expect(readOperatorFlags(["-bogus"], {})).toEqual({
      kind: "wrong",
      message: "flag provided but not defined: -bogus",
    });
    expect(readOperatorFlags(["-threadiness=many"], {}).kind).toBe("wrong");
    // klog's, all of them: scripts pass some.
    const klog = [
      "-v=4",
      "-vmodule=a=2",
      "-stderrthreshold=2",
      "-log_dir=/tmp",
      "-log_file=/tmp/x",
      "-log_file_max_size=9",
    ];
    const switches = ["-logtostderr", "-alsologtostderr", "-add_dir_header", "-one_output", "-skip_headers"];
    const argv = [...klog, ...switches, "-skip_log_headers", "-log_backtrace_at=a.go:1", "-log-level=info"];
    expect(readOperatorFlags(argv, {})).toMatchObject({ kind: "run", flags: { logLevel: "info" } });
    expect(readOperatorFlags(["-slack-url=a"], { SLACK_URL: "b" })).toMatchObject({ flags: { slackUrl: "b" } });
  });

  it("-metrics-server: an address without a scheme is reported, an empty one ends the operator", async () => {
    const operator = await world.operator(["-metrics-server=prometheus:9090"]);
    expect((await operator.logged("Metrics server ")).msg).toBe(
      "Metrics server prometheus:9090 unreachable prometheus address prometheus:9090 is not a valid URL",
    );
    for (const address of ["", "10.0.0.1:9090"]) {
      await expect(world.operator([`-metrics-server=${address}`])).rejects.toThrow(
        `Error building prometheus client: prometheus address ${address} is not a valid URL`,
      );
    }
  });

  it("-namespace: other namespaces are not read", async () => {
    world.cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } });
    const elsewhere = canary("elsewhere");
    elsewhere.metadata.namespace = "other";
    world.cluster.create(RESOURCES.canary, elsewhere);
    await world.operator(["-namespace=test"]);
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    expect(world.cluster.get(RESOURCES.canary, "other", "elsewhere")?.status).toBeUndefined();
    const paths = world.requests().map(({ url }) => url.split("?")[0] ?? "");
    expect(paths.filter((path) => !path.includes("/namespaces/test/") && path !== "/version")).toEqual([]);
  });

  it("-include-label-prefix: labels and annotations of these prefixes reach the primary", async () => {
    await world.operator(["-include-label-prefix=team,cost/"]);
    const target = podinfo("podinfo");
    target.metadata.labels = { app: "podinfo", "team-name": "a", "cost/center": "7", owner: "b" };
    world.apply(target, canary("podinfo"));
    await initialized();
    expect(world.get(RESOURCES.deployment, "podinfo-primary")?.metadata.labels).toEqual({
      app: "podinfo-primary",
      "team-name": "a",
      "cost/center": "7",
    });
  });
});

describe("-kubeconfig-service-mesh", () => {
  it("routes are written to the mesh's own cluster without owners; everything else to the first cluster", async () => {
    const mesh = await startWorld();
    const folder = mkdtempSync(join(tmpdir(), "mesh-"));
    writeFileSync(join(folder, "kubeconfig"), mesh.kubeconfig);
    await world.operator([`-kubeconfig-service-mesh=${join(folder, "kubeconfig")}`]);
    world.apply(podinfo("podinfo"), canary("podinfo"));
    await initialized();
    const routes = mesh.get(RESOURCES.virtualService, "podinfo");
    expect(routes?.metadata.ownerReferences).toBeUndefined();
    expect(routes?.spec.http[0].route.map(({ weight }: KubeFields) => weight)).toEqual([100, 0]);
    expect(mesh.get(RESOURCES.destinationRule, "podinfo-primary")).toBeDefined();
    expect(mesh.get(RESOURCES.service, "podinfo")).toBeUndefined();
    expect(world.get(RESOURCES.virtualService, "podinfo")).toBeUndefined();
    expect(world.get(RESOURCES.service, "podinfo-primary")).toBeDefined();
    await mesh.stop();
    rmSync(folder, { recursive: true });
  });
});

describe("event webhooks", () => {
  it("get every event in order, with the phase of Flagger's gated run", async () => {
    const hooks = await startReceiver();
    const hook = (name: string, type: string) => ({ name, type, url: `${hooks.url}/${name}` });
    const webhooks = [
      { ...hook("events", "event"), metadata: { team: "a" } },
      ...["confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout"].map(
        (type) => hook(type, type),
      ),
    ];
    await world.operator();
    world.apply(
      podinfo("podinfo"),
      canary("podinfo", { stepWeight: 100, maxWeight: 100, stepWeightPromotion: 50, webhooks }),
    );
    await initialized();
    world.apply(podinfo("podinfo", "6.0.1"));
    const events = () => hooks.received.filter(({ path }) => path === "/events").map(({ body }) => body);
    const last = "Promotion completed! Scaling down podinfo.test";
    await hooks.until("the last event came", () => events().some(({ metadata }) => metadata.eventMessage === last));
    const isWait = ({ metadata }: KubeFields) => /not ready:|rollout to finish/.test(metadata.eventMessage);
    expect(
      events()
        .filter((event) => !isWait(event))
        .map(({ phase, metadata }) => `${phase} ${metadata.eventMessage}`),
    ).toEqual([
      "Initialized Initialization done! podinfo.test",
      "Initialized Confirm-rollout check confirm-rollout passed",
      "Progressing New revision detected! Scaling up podinfo.test",
      "Progressing Starting canary analysis for podinfo.test",
      "Progressing Pre-rollout check pre-rollout passed",
      "Progressing Confirm-traffic-increase check confirm-traffic-increase passed",
      "Progressing Advance podinfo.test canary weight 100",
      "Progressing Confirm-traffic-increase check confirm-traffic-increase passed",
      "Progressing Confirm-promotion check confirm-promotion passed",
      "Progressing Copying podinfo.test template spec to podinfo-primary.test",
      "Promoting Advance podinfo.test primary weight 50",
      "Promoting Advance podinfo.test primary weight 100",
      "Succeeded Post-rollout check post-rollout passed",
      "Succeeded Promotion completed! Scaling down podinfo.test",
    ]);
    expect(events().at(-1)).toEqual({
      name: "podinfo",
      namespace: "test",
      phase: "Succeeded",
      checksum: expect.stringMatching(/^[a-z0-9]+$/),
      metadata: { eventMessage: last, eventType: "Normal", timestamp: expect.stringMatching(/^\d{13}$/), team: "a" },
    });
    await hooks.stop();
  });

  it("Q36: get the phases that Flagger 1.44 sends, at gates and after a failure (ADR 0006)", async () => {
    const hooks = await startReceiver();
    const types = ["event", "confirm-rollout", "rollout", "rollback", "confirm-promotion", "post-rollout"];
    const asked = (type: string) => hooks.received.filter(({ path }) => path === `/${type}`).map(({ body }) => body);
    let bad = false;
    hooks.answer = ({ path }) => {
      const first = path.startsWith("/confirm-") && asked(path.slice(1)).length === 1;
      const refused = path === "/rollback" || first || (bad && path === "/rollout");
      return { status: refused ? 403 : 200, body: "no" };
    };
    const webhooks = types.map((type) => ({ name: type, type, url: `${hooks.url}/${type}` }));
    await world.operator();
    world.apply(podinfo("podinfo"), canary("podinfo", { stepWeights: [50], threshold: 1, webhooks }));
    await initialized();
    const checksum = asked("event").at(-1)?.checksum;
    world.apply(podinfo("podinfo", "6.0.1"));
    await world.until(RESOURCES.canary, "podinfo", "is promoted", inPhase("Succeeded"));
    const phases = (type: string) => [...new Set(asked(type).map(({ phase }) => phase))];
    expect(asked("confirm-rollout").map(({ phase }) => phase)).toEqual(["Initialized", "Waiting"]);
    expect(asked("confirm-rollout")[0]?.checksum).toBe(checksum);
    expect(asked("confirm-promotion").map(({ phase }) => phase)).toEqual(["Progressing", "Progressing"]);
    expect(phases("rollout")).toEqual(["Progressing"]);
    expect(phases("rollback")).toEqual(["Progressing", "WaitingPromotion"]);
    bad = true;
    world.apply(podinfo("podinfo", "6.0.2"));
    await world.until(RESOURCES.canary, "podinfo", "has failed", inPhase("Failed"));
    const last = "Post-rollout check post-rollout passed";
    const told = (text: string) => asked("event").filter(({ metadata }) => metadata.eventMessage.includes(text));
    await hooks.until("all is told", () => told(last).length === 2);
    expect(asked("post-rollout").map(({ phase }) => phase)).toEqual(["Succeeded", "Failed"]);
    expect(told(last).map(({ phase }) => phase)).toEqual(["Succeeded", "Progressing"]);
    expect(told("waiting for approval").map(({ phase }) => phase)).toEqual(["Initialized"]);
    expect(told("waiting for promotion").map(({ phase }) => phase)).toEqual(["Progressing"]);
    await hooks.stop();
  });

  it("the global one gets the events of Canaries without hooks, including invalid ones", async () => {
    const hooks = await startReceiver();
    await world.operator([], { env: { EVENT_WEBHOOK_URL: `${hooks.url}/all` } });
    world.apply(podinfo("podinfo"), canary("podinfo", { stepWeight: 0 }));
    await hooks.until("it is told", (calls) => calls.length > 0);
    expect(hooks.received[0]).toMatchObject({
      path: "/all",
      body: { name: "podinfo", namespace: "test", phase: "", metadata: { eventType: "Warning" } },
    });
    await hooks.stop();
  });
});

describe("the program", () => {
  const dead = { server: "https://127.0.0.1:1", "insecure-skip-tls-verify": true };
  const kubeconfig = JSON.stringify({
    "current-context": "dead",
    clusters: [{ name: "dead", cluster: dead }],
    users: [{ name: "dead", user: { token: "x" } }],
    contexts: [{ name: "dead", context: { cluster: "dead", user: "dead" } }],
  });

  it.each([
    ["flagger", ["-version"], 0, "Flagger version 1.44.0 revision  aviary\n"],
    ["flagger", ["-bogus"], 2, "flag provided but not defined: -bogus"],
    ["loadtester", ["-bogus"], 2, "flag provided but not defined: -bogus"],
    ["flagger", ["-log-level=info", "-mesh-provider=istio"], 1, "Error building kubeconfig: no Kubernetes cluster"],
    ["flagger", ["-kubeconfig=/nowhere"], 1, "Error building kubeconfig: the kubeconfig /nowhere given"],
    ["flagger", ["-port=http"], 2, 'invalid value "http" for flag -port'],
    ["flagger", ["-threadiness=two"], 2, 'invalid value "two" for flag -threadiness: parse error\n'],
    ["flagger", ["-enable-leader-election=yes"], 2, 'value "yes" for -enable-leader-election: parse error\n'],
  ] as const)("called as %s %s: exit code %i", async (name, argv, code, text) => {
    const finished = await runProgram(argv, {}, name);
    expect(`${finished.out}${finished.err}`).toContain(text);
    expect(finished.code).toBe(code);
  });

  it("a cluster that does not answer is reported with its address, and the exit code is 1", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dead-"));
    writeFileSync(`${folder}/kubeconfig`, kubeconfig);
    const finished = await runProgram(["operator", `-kubeconfig=${folder}/kubeconfig`]);
    rmSync(folder, { recursive: true });
    const lines = finished.err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ level: "fatal", msg: expect.stringContaining("https://127.0.0.1:1") });
    expect(finished.code).toBe(1);
  });

  it("a port in use is reported with the flag to change, and the exit code is 1", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    await expect(world.operator([`-port=${port}`])).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use; choose another with -port`,
    );
    other.close();
  });
});
