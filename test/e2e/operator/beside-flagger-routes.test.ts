/**
 * The real Flagger gets every Canary of src/routers/corpus.ts, and the objects that it writes are compared with the
 * golden files. With UPDATE_GOLDEN the files are written. Needs Flagger's program; see beside-flagger.test.ts:
 *
 *   FLAGGER=/path/to/flagger npm run beside-flagger
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { crds } from "../../../src/crd/index.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { CORPUS, goldenFile, note, type RouteCase, type Written } from "../../../src/routers/corpus.ts";
import { podinfo } from "../harness/objects.ts";
import { kindsOf, openCrds, type Provider } from "../harness/provider-crds.ts";
import { startMetricServer } from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";

const FLAGGER = process.env["FLAGGER"] ?? "";
const MINUTE = 60_000;

function phase(world: World, ...phases: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      stop();
      reject(new Error([`no phase ${phases.join(" or ")} in time`, ...world.told("podinfo")].join("\n")));
    };
    const patience = setTimeout(fail, 4 * MINUTE);
    const stop = world.cluster.watch(RESOURCES.canary, ({ object }) => {
      if (!phases.includes(object.status?.phase ?? "")) return;
      clearTimeout(patience);
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

async function written(what: RouteCase): Promise<Written> {
  const provider = what.provider as Provider;
  const world = await startWorld({ crds: [...(crds() as readonly KubeObject[]), ...openCrds(provider)] });
  const metrics = await startMetricServer();
  const folder = mkdtempSync(join(tmpdir(), "beside-"));
  writeFileSync(join(folder, "kubeconfig"), world.kubeconfig);
  const own = [`-kubeconfig=${folder}/kubeconfig`, `-metrics-server=${metrics.url}`, "-control-loop-interval=1s"];
  const noted: Record<string, KubeFields[]> = {};
  const sources = new Set((what.objects ?? []).map(({ metadata }) => metadata.name));
  for (const object of what.objects ?? []) {
    const type = kindsOf(provider).find(({ kind }) => kind === object.kind) ?? RESOURCES.ingress;
    world.cluster.create(type, structuredClone(object));
  }
  const stops = kindsOf(provider).map((type) =>
    world.cluster.watch(type, ({ object }) => {
      if (!sources.has(object.metadata.name)) note(noted, object);
    }),
  );
  const annotations = what.annotations === undefined ? {} : { annotations: { ...what.annotations } };
  const canary: KubeObject = {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "test", ...annotations },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
      provider,
      ...structuredClone(what.canary),
    },
  };
  world.apply(podinfo("podinfo"), canary);
  const flagger = spawn(FLAGGER, [...own, "-port=0", ...(what.flags ?? [])], { stdio: "ignore" });
  try {
    await phase(world, "Initialized");
    world.edit(RESOURCES.deployment, "podinfo", ({ spec }) => {
      spec.template.spec.containers[0].image = "podinfo:6.0.1";
    });
    await phase(world, "Progressing");
    await phase(world, "Succeeded", "Failed");
    expect(world.get(RESOURCES.canary, "podinfo")?.status?.phase).toBe("Succeeded");
    return noted;
  } finally {
    for (const stop of stops) stop();
    const gone = new Promise((resolve) => flagger.once("exit", resolve));
    if (flagger.kill("SIGKILL")) await gone;
    await Promise.all([metrics.stop(), world.stop()]);
    rmSync(folder, { recursive: true });
  }
}

describe.concurrent("routes beside the real Flagger", () => {
  it.each(Object.entries(CORPUS))(
    "%s: it writes the objects of the golden file",
    async (name, what) => {
      const file = goldenFile(name);
      const theirs = await written(what);
      if (process.env["UPDATE_GOLDEN"] !== undefined || !existsSync(file)) {
        writeFileSync(file, `${JSON.stringify(theirs, undefined, 1)}\n`);
      }
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(theirs);
    },
    10 * MINUTE,
  );
});
