/**
 * The walk-through by a user who is not root, and may open no port below 1024: the load tester's Service has port 80.
 * When the tests run as root, this one becomes another user; else its own user will do.
 */
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";

const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), "aviary-user-"));
const folder = join(base, "aviary");
const home = join(base, "home");
const MINUTES = 60_000;
/** The user without any right, on every Linux. */
const POWERLESS = 65_534;
const user = process.getuid?.() === 0 ? { uid: POWERLESS, gid: POWERLESS } : {};

/** Only the files that an installed Aviary has: the checkout may be in a folder that other users cannot enter. */
beforeAll(async () => {
  for (const path of ["bin", "dist", "deploy", "examples", "sandbox/generated", "package.json", ...modules()]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(PROJECT_ROOT, path), join(folder, path), { recursive: true });
  }
  edit("deploy/operator/operator.yaml", "- -log-level=info", "- -log-level=info\n            - -interval-floor=1s");
  edit("examples/podinfo/canary.yaml", "interval: 10s", "interval: 2s");
  edit("examples/podinfo/canary.yaml", "stepWeight: 5", "stepWeight: 25");
  // The machine may be busy.
  edit("examples/podinfo/canary.yaml", "max: 500", "max: 10000");
  edit("examples/podinfo/canary.yaml", "perTryTimeout: 1s", "perTryTimeout: 10s");
  mkdirSync(home);
  chmodSync(base, 0o755);
  if (user.uid !== undefined) chownSync(home, user.uid, user.gid);
}, 2 * MINUTES);

afterAll(async () => {
  await aviary("sandbox", "down").catch(() => undefined);
  rmSync(base, { recursive: true, force: true });
});

/** The packages that `npm prune --omit=dev` would leave. */
function modules(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(PROJECT_ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional, optional }]) => path !== "" && !dev && !devOptional && !optional)
    .map(([path]) => path)
    .filter((path) => existsSync(join(PROJECT_ROOT, path)));
}

function edit(path: string, from: string, to: string): void {
  const text = readFileSync(join(folder, path), "utf8");
  if (!text.includes(from)) throw new Error(`${path} has no "${from}"`);
  writeFileSync(join(folder, path), text.replace(from, to));
}

async function aviary(...words: readonly string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: join(home, ".aviary/kubeconfig") };
  const options = { cwd: home, env, ...user, maxBuffer: 1 << 24 };
  const { stdout, stderr } = await run(process.execPath, [join(folder, "bin/aviary"), ...words], options).catch(
    (error) => {
      throw new Error(`aviary ${words.join(" ")}\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout + stderr;
}

it("a release goes through the load tester's port 80, and is promoted", { timeout: 10 * MINUTES }, async () => {
  const up = await aviary("sandbox", "up", "--prometheus", "embedded");
  // A container may free every port; then nothing is shifted.
  const firstFree = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  expect(up.includes("port 80 of a Service is at 20080")).toBe(firstFree > 80);
  await aviary("apply", join(folder, "deploy"), join(folder, "examples/podinfo"));
  await aviary("wait", "canary/podinfo", "-n", "test", "--timeout", "5m");
  await aviary("bump", "deployment/podinfo", "-n", "test");
  await aviary("wait", "canary/podinfo", "-n", "test", "--phase", "Succeeded", "--timeout", "5m");
  const told = await aviary("describe", "canary/podinfo", "-n", "test");
  expect(told).toContain("Promotion completed!");
  expect(told).toContain("Pre-rollout check acceptance-test passed");
  expect(await aviary("get", "events", "-A")).not.toContain("FailedToListen");
});
