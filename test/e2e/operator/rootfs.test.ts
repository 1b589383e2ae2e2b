/**
 * The operator's image as a root file system: node, its libraries and the staged files, nothing else. The test enters
 * it as uid 10001, read-only, in a mount namespace of its own. That needs root on Linux; elsewhere the test reports
 * that it did nothing.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
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
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { stageImage } from "../harness/image.ts";
import { createJournal } from "../harness/operator.ts";
import { startWorld } from "../harness/world.ts";

const possible = process.getuid?.() === 0 && spawnSync("unshare", ["-m", "true"]).status === 0;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "rootfs-"));
  // Another user than the owner enters the folder.
  chmodSync(root, 0o755);
  stageImage(join(root, "home/app"), "/nodejs/bin/node");
  rmSync(join(root, "home/app/node_modules"));
  copyProductionModules(join(root, "home/app"));
  copyNode();
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** The packages that `npm prune --omit=dev` would leave. */
function copyProductionModules(to: string): void {
  const lock = JSON.parse(readFileSync(join(PROJECT_ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const from = join(PROJECT_ROOT, path);
    if (path === "" || dev === true || devOptional === true || !existsSync(from)) continue;
    cpSync(from, join(to, path), { recursive: true });
  }
}

function copyNode(): void {
  mkdirSync(join(root, "nodejs/bin"), { recursive: true });
  copyFileSync(process.execPath, join(root, "nodejs/bin/node"));
  const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(\/\S+)(?= \(0x)/g);
  for (const [path] of libraries) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  for (const folder of ["tmp", "dev"]) mkdirSync(join(root, folder));
}

/** The mount is read-only and is gone with the process, because it lives in the process's own namespace. */
function enter(argv: readonly string[]): { program: string; args: string[] } {
  const script =
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec chroot --userspec=10001:10001 "$0" "$@"';
  return { program: "unshare", args: ["-m", "sh", "-c", script, root, ...argv] };
}

const runOnce = (argv: readonly string[]) => {
  const { program, args } = enter(argv);
  return spawnSync(program, args, { encoding: "utf8", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
};

describe("the operator on a root file system of its own", () => {
  if (!possible) {
    it("is not entered here, because that takes root on Linux and unshare", () => expect(possible).toBe(false));
    return;
  }

  it("answers -version as uid 10001 on a read-only root without a shell", () => {
    expect(existsSync(join(root, "bin/sh"))).toBe(false);
    const { stdout, stderr, status } = runOnce(["/home/app/flagger", "-version"]);
    expect(`${stdout}${stderr}`).toContain("1.44.0");
    expect(status).toBe(0);
  });

  it("runs the operator, which answers its probes and ends on SIGTERM with 0", async () => {
    const world = await startWorld();
    writeFileSync(join(root, "kubeconfig"), world.kubeconfig, { mode: 0o644 });
    const { program, args } = enter([
      "/home/app/flagger",
      "-kubeconfig=/kubeconfig",
      "-port=0",
      "-metrics-server=http://127.0.0.1:1",
    ]);
    const journal = createJournal();
    const child = spawn(program, args, {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", AVIARY_LISTEN_ADDRESS: "127.0.0.1" },
      stdio: ["ignore", "inherit", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    let rest = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) journal.write(line);
    });
    try {
      const { msg } = await journal.logged(" on port ");
      const url = `http://127.0.0.1:${msg.split(" ").at(-1)}`;
      await journal.logged("Started operator workers");
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    } finally {
      child.kill("SIGKILL");
      await world.stop();
    }
  });

  it("holds less than 150 MB beside node", () => {
    const [kilobytes = ""] = execFileSync("du", ["-sk", join(root, "home/app")], { encoding: "utf8" }).split("\t");
    expect(Number(kilobytes) / 1024).toBeLessThan(150);
  });
});
