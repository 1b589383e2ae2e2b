/** A Canary that blocks the event loop ends the operator once; the next process leaves it alone, and others go on. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { PROGRAM } from "../program.ts";
import { canaryOf, deployment, kubeconfigOf } from "./burst.ts";

/**
 * Stands for any code that never ends: it starts when the primary of the blocking Canary is written. It blocks the
 * event loop and leaves the processor to the other tests.
 */
const POISON = `
  const stringify = JSON.stringify;
  const never = new Int32Array(new SharedArrayBuffer(4));
  JSON.stringify = (value, ...rest) => {
    while (value?.metadata?.name === "poison-primary") Atomics.wait(never, 0, 0, 100);
    return stringify(value, ...rest);
  };`;

let cluster: StubCluster;
let folder: string;

beforeAll(async () => {
  cluster = await startStubCluster();
  folder = mkdtempSync(join(tmpdir(), "watchdog-"));
  writeFileSync(join(folder, "kubeconfig"), kubeconfigOf(cluster.url));
  writeFileSync(join(folder, "poison.mjs"), POISON);
});

afterAll(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true });
});

function start() {
  const flags = ["-port=0", "-mesh-provider=kubernetes", "-metrics-server=http://127.0.0.1:9"];
  const child = spawn(
    process.execPath,
    ["--import", join(folder, "poison.mjs"), PROGRAM, "operator", `-kubeconfig=${folder}/kubeconfig`, ...flags],
    {
      env: { AVIARY_QUARANTINE_FILE: join(folder, "quarantine.json"), AVIARY_LISTEN_ADDRESS: "127.0.0.1" },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<string | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  return { ended, kill: () => child.kill("SIGKILL"), log: () => text };
}

it("a Canary that blocks the event loop is named and left alone after a restart; its neighbour is served", async () => {
  const poison = { namespace: "evil", name: "poison" };
  const quiet = { namespace: "quiet", name: "app" };
  for (const ref of [poison, quiet]) cluster.put(RESOURCES.deployment, deployment(ref));
  cluster.put(RESOURCES.canary, canaryOf(poison));
  const first = start();
  expect(await first.ended).toBe("SIGKILL");
  expect(first.log()).toContain("the event loop is blocked by a turn of Canary evil/poison for 20 s at ");
  expect(JSON.parse(readFileSync(join(folder, "quarantine.json"), "utf8"))).toMatchObject([
    { canary: "evil/poison", strikes: 1 },
  ]);
  const served = new Promise<void>((resolve) =>
    cluster.onWrite(({ kind, metadata, ...object }) => {
      if (kind === "Canary" && metadata.name === "app" && object["status"]?.phase === "Initialized") resolve();
    }),
  );
  const warned = new Promise<string>((resolve) =>
    cluster.onWrite(({ kind, metadata, ...object }) => {
      if (kind === "Event" && metadata.namespace === "evil") resolve(object["message"]);
    }),
  );
  cluster.put(RESOURCES.canary, canaryOf(quiet));
  const second = start();
  expect(await warned).toContain("a turn of this Canary blocked the operator at ");
  await served;
  second.kill();
  await second.ended;
}, 180_000);
