/**
 * Targets besides a Deployment of fixed size: a DaemonSet, a StatefulSet, a Service, a scaled Deployment,
 * configuration.
 */
import { describe, it } from "vitest";
import { addressesOf } from "../../../sandbox/dns/index.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { startReceiver } from "../harness/servers.ts";
import { BAD, daemonSet, deployment, GOOD, gate, hosts, PORT, statefulSet } from "./manifests.ts";
import type { StoryRun } from "./story-run.ts";
import { BEGUN, IMPATIENT, PROMOTED, STEPS, TAKEN_BACK, UNHARMED, UP } from "./two-steps.ts";

/** Each story runs twice: withoutKills, and with the operator killed. */
export function targets(run: StoryRun): void {
  const { further } = run;
  describe.concurrent("a DaemonSet", () => {
    const plot = (namespace: string) => ({
      kind: "DaemonSet",
      target: [daemonSet(namespace, { version: "6.0.0" })],
      atRest: (object: KubeObject | undefined) => object?.status?.desiredNumberScheduled === 0,
    });

    it("is released", async ({ expect }) => {
      const story = await run.stage("daemons", { ...plot("daemons"), analysis: STEPS });
      await story.change(daemonSet("daemons", GOOD));
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...UP, ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });

    further("is rolled back", async ({ expect }) => {
      const story = await run.stage("daemons-bad", { ...plot("daemons-bad"), analysis: IMPATIENT });
      await story.change(daemonSet("daemons-bad", BAD));
      const { dropped, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, UP[0], ...TAKEN_BACK]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });
  });

  describe.concurrent("a StatefulSet", () => {
    const plot = (namespace: string) => ({
      kind: "StatefulSet",
      target: [hosts(namespace), statefulSet(namespace, { version: "6.0.0", replicas: 2 })],
    });

    further("is released, and the pods of its primary find each other by name", async ({ expect }) => {
      const story = await run.stage("named", { ...plot("named"), analysis: STEPS });
      await story.change(statefulSet("named", { ...GOOD, replicas: 2 }));
      const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...UP, ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      expect(new Set(answers.map(({ pod }) => pod).filter((pod) => pod.includes("primary")))).toEqual(
        new Set(["podinfo-primary-0", "podinfo-primary-1"]),
      );
      const { sandbox } = run.fixture;
      const address = sandbox.cluster.get(RESOURCES.pod, "named", "podinfo-primary-1")?.status.podIP;
      const name = "podinfo-primary-1.podinfo-primary-hosts.named.svc.cluster.local";
      expect(addressesOf(sandbox.cluster, name)).toEqual([address]);
    });

    it("is rolled back", async ({ expect }) => {
      const story = await run.stage("named-bad", { ...plot("named-bad"), analysis: IMPATIENT });
      await story.change(statefulSet("named-bad", { ...BAD, replicas: 2 }));
      const { dropped, failedByPrimary } = await story.end("Failed");
      run.said(expect, story.timeline(), [...BEGUN, UP[0], ...TAKEN_BACK]);
      expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
    });
  });

  describe.concurrent("a Service", () => {
    const service = (namespace: string, color: string): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "podinfo", namespace },
      spec: { selector: { app: color }, ports: [{ name: "http", port: PORT, targetPort: PORT }] },
    });
    const query = (canary: string, code: string) =>
      `sum(rate(istio_requests_total{reporter="destination",destination_service="${canary}"${code}}[10s]))`;
    const plot = (namespace: string, analysis: KubeFields) => {
      const canary = `podinfo-canary.${namespace}.svc.cluster.local`;
      const failures = `100 - 100 * ${query(canary, ',response_code!~"5.."')} / ${query(canary, "")}`;
      return {
        kind: "Service",
        target: [
          deployment(namespace, { version: "6.0.0", replicas: 1 }, "blue"),
          service(namespace, "blue"),
          deployment(namespace, { ...(namespace.endsWith("bad") ? BAD : GOOD), replicas: 1 }, "green"),
        ],
        atRest: () => true,
        analysis: { ...analysis, metrics: [{ name: "failures", thresholdRange: { max: 1 }, query: failures }] },
      };
    };

    it("that selects other pods is released", async ({ expect }) => {
      const story = await run.stage("service", plot("service", STEPS));
      await story.change(service("service", "green"));
      const { dropped, injected, versions } = await story.end("Succeeded");
      run.said(expect, story.timeline(), [...BEGUN, ...UP, ...PROMOTED]);
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      expect({ dropped, injected }).toEqual({ dropped: [], injected: 0 });
      expect(Object.keys(versions).sort()).toEqual(["6.0.0", "6.0.1"]);
      expect(story.get({ type: RESOURCES.service, name: "podinfo-primary" })?.spec.selector).toEqual({ app: "green" });
    });

    further("that selects bad pods is rolled back", async ({ expect }) => {
      const story = await run.stage("service-bad", plot("service-bad", IMPATIENT));
      await story.change(service("service-bad", "green"));
      const { dropped } = await story.end("Failed");
      run.said(expect, story.timeline(), [
        ...BEGUN,
        UP[0],
        "Halt podinfo advancement failures N > 1",
        ...TAKEN_BACK.slice(1),
      ]);
      expect(dropped).toEqual([]);
      expect(story.get({ type: RESOURCES.service, name: "podinfo-primary" })?.spec.selector).toEqual({ app: "blue" });
    });
  });

  describe.concurrent("a Deployment with an autoscaler", () => {
    it("grows during a run: the traffic increases when the new pods are ready", async ({ expect, onTestFinished }) => {
      const hpa = (maxReplicas: number): KubeObject => ({
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "podinfo", namespace: "scaled" },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
          minReplicas: 1,
          maxReplicas,
          metrics: [
            { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
          ],
        },
      });
      // The load tester's 40 requests per second are too many for one pod, the users' share is not.
      const container = { resources: { requests: { cpu: "100m" } } };
      // This test says when the autoscaler's pods are ready. A pod that has been ready stays so.
      const health = await startReceiver();
      onTestFinished(() => health.stop());
      const { hostname, port } = new URL(health.url);
      const httpGet = { host: hostname, port: Number(port), path: "/" };
      const readinessProbe = { httpGet, periodSeconds: 1, failureThreshold: 1000 };
      const story = await run.stage("scaled", {
        // Its pods come when the first step is reached, and not before.
        target: [deployment("scaled", { version: "6.0.0", container }), hpa(1)],
        spec: {
          autoscalerRef: {
            apiVersion: "autoscaling/v2",
            kind: "HorizontalPodAutoscaler",
            name: "podinfo",
            primaryScalerReplicas: { minReplicas: 2, maxReplicas: 4 },
          },
        },
        analysis: STEPS,
        hooks: [gate("confirm-traffic-increase", "/gate/check")],
        load: 40,
        // The autoscaler needs it while the gate is closed.
        loadSeconds: 120,
        requestsPerSecond: 6,
      });
      const target = { type: RESOURCES.deployment, name: "podinfo" };
      health.answer = () => ({ status: story.get(target)?.spec.replicas > 1 ? 503 : 200 });
      await story.turn("gate", "open");
      await story.change(deployment("scaled", { ...GOOD, container: { ...container, readinessProbe } }));
      await story.untilWeight(30);
      await story.turn("gate", "close");
      await story.change(hpa(3));
      await run.fixture.until({ ...target, namespace: "scaled" }, "scaled up", (object) => object?.spec?.replicas > 1);
      await story.turn("gate", "open");
      // Not of the primary, which has an autoscaler, too.
      await story.heard(/^canary deployment podinfo\.scaled not ready: .* 1 of [23] .*updated replicas are available/);
      health.answer = () => ({ status: 200 });
      const { dropped, injected, failedByPrimary } = await story.end("Succeeded");
      const calm = story.timeline().filter((line) => !line.includes("traffic"));
      run.said(expect, calm, [...BEGUN, ...UP, ...PROMOTED.filter((line) => !line.includes("traffic"))]);
      const words = story.everything().map((line) => line.replaceAll(".scaled", ""));
      const steps = words.slice(words.indexOf(UP[0] as string), words.indexOf(UP[1] as string));
      expect(steps).toContainEqual(
        expect.stringMatching(/^canary deployment podinfo not ready: .* 1 of [23] .*updated replicas are available/),
      );
      expect(story.routes()).toEqual(["100/0", "70/30", "40/60", "100/0"]);
      const primary = story.get({ type: RESOURCES.hpa, name: "podinfo-primary" });
      expect(primary?.spec).toMatchObject({ minReplicas: 2, maxReplicas: 4 });
      expect(story.get({ type: RESOURCES.deployment, name: "podinfo-primary" })?.spec.replicas).toBe(2);
      expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
    });
  });

  describe.concurrent("configuration that changes alone", () => {
    const settings = (kind: "ConfigMap" | "Secret", namespace: string, values: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind,
      metadata: { name: "settings", namespace },
      ...(kind === "ConfigMap" ? { data: values } : { stringData: values }),
    });
    const using = (kind: "ConfigMap" | "Secret", namespace: string) =>
      deployment(namespace, {
        version: "6.0.0",
        image: "podinfo-erratic",
        replicas: 1,
        container: { envFrom: [{ [kind === "ConfigMap" ? "configMapRef" : "secretRef"]: { name: "settings" } }] },
      });
    const valuesOf = (object: KubeObject | undefined) =>
      Object.fromEntries(
        Object.entries<string>(object?.data ?? {}).map(([key, value]) => [
          key,
          object?.kind === "Secret" ? Buffer.from(value, "base64").toString() : value,
        ]),
      );

    for (const kind of ["ConfigMap", "Secret"] as const) {
      const type = kind === "ConfigMap" ? RESOURCES.configMap : RESOURCES.secret;
      const name = kind.toLowerCase();
      const one = { PODINFO_UI_MESSAGE: "one" };

      const release = kind === "ConfigMap" ? it : further;
      release(`${kind}: is released, and the tested configuration is promoted`, async ({ expect }) => {
        const two = { PODINFO_UI_MESSAGE: "two" };
        const story = await run.stage(name, {
          target: [settings(kind, name, one), using(kind, name)],
          analysis: STEPS,
        });
        await story.change(settings(kind, name, two));
        await story.untilWeight(60);
        expect(valuesOf(story.get({ type, name: "settings-primary" }))).toEqual(one);
        const { dropped, injected, failedByPrimary, answers } = await story.end("Succeeded");
        run.said(expect, story.timeline(), [...BEGUN, ...UP, ...PROMOTED]);
        expect(valuesOf(story.get({ type, name: "settings-primary" }))).toEqual(two);
        const heard = (pod: string) => new Set(answers.filter((a) => a.pod.startsWith(pod)).map((a) => a.message));
        expect(heard("podinfo-primary-")).toEqual(new Set(["one", "two"]));
        expect({ dropped, injected, failedByPrimary }).toEqual(UNHARMED);
      });

      further(`${kind}: is rolled back, and the primary keeps its own`, async ({ expect }) => {
        const namespace = `${name}-bad`;
        const story = await run.stage(namespace, {
          target: [settings(kind, namespace, one), using(kind, namespace)],
          analysis: IMPATIENT,
        });
        await story.change(settings(kind, namespace, { ...one, PODINFO_RANDOM_ERROR: "true" }));
        const { dropped, failedByPrimary } = await story.end("Failed");
        run.said(expect, story.timeline(), [...BEGUN, UP[0], ...TAKEN_BACK]);
        expect(valuesOf(story.get({ type, name: "settings-primary" }))).toEqual(one);
        expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
      });
    }
  });
}
