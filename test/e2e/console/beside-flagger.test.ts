/**
 * The console beside the real Flagger 1.44, in a cluster that has Flagger's own definitions and nothing of Aviary: it
 * shows what Flagger's objects hold, and its buttons say why they cannot be used. Needs Flagger's program:
 *
 *   FLAGGER=/path/to/flagger npm run beside-flagger
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../../../src/cli/cluster.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { serveConsole } from "../../../src/cli/serve-console.ts";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { flaggerCrds } from "../harness/flagger.ts";
import { canary, inPhase, podinfo } from "../harness/objects.ts";
import { startMetricServer } from "../harness/servers.ts";
import { startWorld } from "../harness/world.ts";
import { CHROMIUM, faultsOf, shoot, startBrowser } from "./browser.ts";

const FLAGGER = process.env["FLAGGER"] ?? "";
const PATIENCE_MS = 600_000;

it.runIf(CHROMIUM !== undefined)(
  "shows a rollback of the real Flagger from the first step to the reason, and steers nothing",
  { timeout: PATIENCE_MS },
  async () => {
    const definitions = [...flaggerCrds(), ...(istioCrds() as readonly KubeObject[])];
    const world = await startWorld({ crds: definitions.filter(({ spec }) => spec?.group !== "aviary.flagger.app") });
    const metrics = await startMetricServer();
    metrics.value = () => 100;
    const folder = mkdtempSync(join(tmpdir(), "console-flagger-"));
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, world.kubeconfig);
    const flags = [`-kubeconfig=${kubeconfig}`, `-metrics-server=${metrics.url}`, "-control-loop-interval=1s"];
    const flagger = spawn(FLAGGER, [...flags, "-port=0", "-mesh-provider=istio"], { stdio: "ignore" });
    const gone = new Promise((resolve) => flagger.once("exit", resolve));
    const stopped = new AbortController();
    const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: kubeconfig });
    const served = await serveConsole(
      client,
      {
        ...{ mode: "local", host: "127.0.0.1", port: 0, basePath: "/" },
        metrics: { address: metrics.url, meshProvider: "istio" },
      },
      stopped.signal,
    );
    const browser = await startBrowser();
    try {
      const checks = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];
      const analysis = { interval: "10s", threshold: 2, stepWeight: 20, maxWeight: 60, metrics: checks };
      world.apply(podinfo("podinfo"), canary("podinfo", analysis));
      await world.until(RESOURCES.canary, "podinfo", "is initialized", inPhase("Initialized"));

      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, bypassCSP: true });
      page.setDefaultTimeout(PATIENCE_MS);
      await page.goto(served.link);
      await page.getByText("No canary waits for a person.").waitFor();
      world.apply(podinfo("podinfo", "6.0.1"));
      await page.getByRole("link", { name: "podinfo" }).first().click();
      // The status of Flagger has no step: its weight tells which one it is.
      await page.getByText(/^Step 2 of 3 \(40 %\)/).waitFor();
      await page.getByText("Nothing can be done now.").waitFor();
      await page.getByText("Why the others cannot be used").click();
      await page.getByText("the cluster has no CanaryActions").first().waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await shoot(page, "flagger-running");

      metrics.value = () => 80;
      await world.until(RESOURCES.canary, "podinfo", "has failed", inPhase("Failed"));
      await page.getByText("Failed", { exact: false }).first().waitFor();
      await page
        .getByText(/Halt podinfo\.test advancement success rate 80\.00% < 99%/)
        .first()
        .waitFor();
      await page
        .getByText(/Rolling back podinfo\.test failed checks threshold reached 2/)
        .first()
        .waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await shoot(page, "flagger-failed");
      for (const name of ["runs", "gates", "freezes", "insights", "checks", "me"]) {
        await page.goto(served.url + name);
        await page.waitForSelector("h1:not(.sr)");
        await page.waitForSelector(".loading", { state: "detached" });
        expect((await page.locator("h1, h2").allInnerTexts()).join()).not.toMatch(/did not work|No answer/);
        expect(await faultsOf(page)).toEqual([]);
        await shoot(page, `flagger-${name}`);
      }
      // Nothing that the console did has changed an object: only Flagger and the test wrote.
      const writers = world.requests().filter(({ method, userAgent }) => method !== "GET" && /aviary/.test(userAgent));
      expect(writers.filter(({ url }) => !/(access|token)reviews|selfsubject/.test(url))).toEqual([]);
    } finally {
      await browser.close();
      await served.stop();
      stopped.abort();
      if (flagger.kill("SIGKILL")) await gone;
      await Promise.all([metrics.stop(), world.stop()]);
      rmSync(folder, { recursive: true });
    }
  },
);
