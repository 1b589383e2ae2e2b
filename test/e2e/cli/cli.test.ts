/** The program as users run it: the walk-through's commands, their output, and their errors. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it, vi } from "vitest";
import { PROJECT_ROOT as ROOT } from "../../../src/project-root.ts";
import { PATIENCE_MS } from "../../patience.ts";

const run = promisify(execFile);
const PATIENT = { timeout: PATIENCE_MS, interval: 50 };
const dir = mkdtempSync(join(tmpdir(), "aviary-cli-"));
const state = join(dir, "state");
const kubeconfig = join(state, "kubeconfig");

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * The words of `line` are separated by spaces; the path of the project may hold spaces itself, so `ROOT` stands for it.
 */
async function aviary(line: string, env: Readonly<Record<string, string>> = {}): Promise<Result> {
  const words = line
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => word.replace(/^ROOT\b/, ROOT));
  const { KUBECONFIG: _own, ...outer } = process.env;
  const options = { cwd: dir, env: { ...outer, HOME: dir, ...env } };
  return run(process.execPath, [join(ROOT, "bin/aviary"), ...words], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code?: number; stdout: string; stderr: string }) => ({
      code: typeof error.code === "number" ? error.code : -1,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

/** Empty for a process that has ended, also before its parent has collected it. */
function commandLineOf(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

afterAll(async () => {
  await aviary(`sandbox down --state-dir ${state}`);
  rmSync(dir, { recursive: true, force: true });
});

describe("without a cluster", () => {
  it("lists its commands, and each has help", async () => {
    const { code, out } = await aviary("--help");
    expect(code).toBe(0);
    const names = [...out.matchAll(/^ {2}(\S+(?: \S+)?) {2,}\S/gm)].map(([, name]) => name ?? "");
    expect(names).toEqual(expect.arrayContaining(["demo", "sandbox up", "plan", "describe", "operator", "loadtester"]));
    for (const name of names) {
      const help = await aviary(`${name} --help`);
      expect({ name, code: help.code, first: help.out.split("\n")[0] }).toMatchObject({ name, code: 0 });
      expect(help.out).toContain(`aviary ${name}: `);
    }
  });

  it.each([
    ["bogus", 2, 'aviary: there is no command "bogus"'],
    [
      "pausee canary/podinfo",
      2,
      'aviary: there is no command "pausee" (did you mean "pause"?)\n`aviary --help` lists all commands\n',
    ],
    ["sandbox up --bogus", 2, "Unknown option '--bogus'"],
    ["sandbox up --port 99999", 2, '--port must be a port number from 0 to 65535, found "99999"'],
    ["describe podinfo", 2, "name one object as KIND/NAME, e.g. canary/podinfo"],
    ["wait frog/podinfo", 2, 'kind "frog" is not known here'],
    ["wait canery/podinfo", 2, 'kind "canery" is not known here (did you mean "canary"?)'],
    ["sandbox up --state-dri x", 2, "Unknown option '--state-dri' (did you mean \"state-dir\"?); see --help"],
    ["sandbox up --state-dir /dev/null", 1, "cannot make the state folder /dev/null: "],
    ["sandbox status --state-dir /dev/null", 1, ""],
    ["plan nowhere.yaml", 1, "there is no file or folder nowhere.yaml"],
    ["operator -bogus", 2, "flag provided but not defined: -bogus"],
  ])("%s", async (line, code, message) => {
    const result = await aviary(line);
    expect(result.err).toContain(message);
    expect(result.code).toBe(code);
  });

  it("a slow reader gets the whole output, and a reader that stops early is no error", async () => {
    // More than a pipe's buffer.
    const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary" };
    const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };
    const analysis = { interval: "1m", threshold: 1, stepWeight: 1, maxWeight: 50 };
    const items = Array.from({ length: 100 }, (_, i) => ({
      ...canary,
      metadata: { name: `canary-${i}` },
      spec: { targetRef, service: { port: 80 }, analysis },
    }));
    const file = join(dir, "many.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const long = `"${process.execPath}" "${join(ROOT, "bin/aviary")}" plan "${file}"`;
    const slow = await run("bash", ["-c", `set -o pipefail; ${long} | { sleep 2; cat; }`]);
    expect(slow.stdout.length).toBeGreaterThan(65_536);
    expect(slow.stdout).toContain("canary-99.default: canary release");
    const brief = await run("bash", ["-c", `set -o pipefail; ${long} | head -1`]);
    expect(brief).toMatchObject({ stdout: expect.stringMatching(/^canary-0\./), stderr: "" });
  });

  it("without a kubeconfig it names the searched places and what to do", async () => {
    const { code, err } = await aviary("get canaries");
    expect(code).toBe(1);
    expect(err).toContain("aviary get: ");
    expect(err).toContain("kubeconfig");
    expect(err).not.toContain("    at ");
  });

  it("with the kubeconfig of a dead cluster it says that no server answers", async () => {
    const file = join(dir, "dead");
    const cluster = { server: "https://127.0.0.1:1", "insecure-skip-tls-verify": true };
    writeFileSync(
      file,
      JSON.stringify({
        "current-context": "dead",
        clusters: [{ name: "dead", cluster }],
        users: [{ name: "dead", user: { token: "x" } }],
        contexts: [{ name: "dead", context: { cluster: "dead", user: "dead" } }],
      }),
    );
    const { code, err } = await aviary(`get canaries --kubeconfig ${file}`);
    expect(code).toBe(1);
    expect(err).toContain("https://127.0.0.1:1");
    expect(err).not.toContain("    at ");
  });

  it("a plan is shown before anything is applied", async () => {
    const { code, out } = await aviary("plan ROOT/examples/podinfo");
    expect(code).toBe(0);
    expect(out).toContain("podinfo.test: canary release of Deployment podinfo on istio");
    expect(out).toMatch(/1m30s +weight 50 +50 % +50 %/);
  });
});

describe("with a sandbox", () => {
  it("starts once, also when it is started again", async () => {
    const first = JSON.parse((await aviary(`sandbox up --state-dir ${state} -o json`)).out);
    const second = JSON.parse((await aviary(`sandbox up --state-dir ${state} -o json`)).out);
    expect(first).toMatchObject({ running: true, url: expect.stringMatching(/^https:/), kubeconfig });
    expect(second.pid).toBe(first.pid);
    expect(readFileSync(kubeconfig, "utf8")).toContain(first.url);
  });

  it("a port in use is reported, with what to do", async () => {
    const { url } = JSON.parse((await aviary(`sandbox status --state-dir ${state} -o json`)).out);
    const { port } = new URL(url);
    const { code, err } = await aviary(`sandbox up --state-dir ${join(dir, "other")} --port ${port}`);
    expect(code).toBe(1);
    expect(err).toContain(`127.0.0.1:${port}: the port is taken`);
  });

  it("gets the manifests of a real cluster, and the operator in it initialises podinfo", async () => {
    const env = { KUBECONFIG: kubeconfig };
    const applied = await aviary("apply ROOT/deploy ROOT/examples/podinfo", env);
    expect(applied.err).toMatch(/^cluster: https:\/\/\S+ \(context aviary-sandbox of \S+\)\n$/);
    expect(applied.out).toContain("canary/podinfo created\n");
    expect((await aviary("wait canary/podinfo -n test", env)).out).toBe("canary/podinfo is Initialized\n");
    expect((await aviary("get canaries -A", env)).out).toMatch(
      /^NAMESPACE +NAME +STATUS +WEIGHT +LASTTRANSITIONTIME\ntest +podinfo +Initialized +0 +20/,
    );
    const described = (await aviary("describe canary/podinfo -n test", env)).out;
    expect(described).toMatch(/^Name: +podinfo\nNamespace: +test\n/);
    expect(described).toMatch(/ {2}Phase: +Initialized\n/);
    expect(described).toMatch(/ {2}Normal +Synced +\S+ +flagger +Initialization done! podinfo.test\n/);
  });

  it("an edit is noticed at once", async () => {
    const env = { KUBECONFIG: kubeconfig };
    expect((await aviary("bump deployment/podinfo -n test", env)).out).toBe(
      "deployment/podinfo image: ghcr.io/stefanprodan/podinfo:6.0.0 -> ghcr.io/stefanprodan/podinfo:6.0.1\n",
    );
    await aviary("wait canary/podinfo -n test --phase Progressing", env);
    expect((await aviary("describe canary/podinfo -n test", env)).out).toContain(
      "New revision detected! Scaling up podinfo.test",
    );
  });

  it("takes the programs of its pods with it when it is killed", async () => {
    const own = join(dir, "killed");
    const where = `--state-dir ${own}`;
    const pidFile = join(dir, "program.pid");
    const script = join(dir, "program.cjs");
    writeFileSync(
      script,
      `require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.PORT, "127.0.0.1", () =>
        require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)));`,
    );
    const { pid } = JSON.parse((await aviary(`sandbox up ${where} -o json`)).out);
    const added = await run(process.execPath, [
      ...[join(ROOT, "bin/aviary"), "sandbox", "image", "add", "example.com/shop"],
      ...["--command", `node ${script}`, "--state-dir", own],
    ]);
    expect(added.stdout).toContain("example.com/shop");
    const container = { name: "shop", image: "example.com/shop:1", ports: [{ containerPort: 8080 }] };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "shop", namespace: "default" } };
    writeFileSync(join(dir, "pod.json"), JSON.stringify({ ...pod, spec: { containers: [container] } }));
    expect((await aviary("apply pod.json", { KUBECONFIG: join(own, "kubeconfig") })).code).toBe(0);
    await vi.waitUntil(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "", PATIENT);
    const program = Number(readFileSync(pidFile, "utf8"));
    expect(commandLineOf(program)).toContain(script);
    process.kill(pid, "SIGKILL");
    await vi.waitUntil(() => commandLineOf(program) === "", PATIENT);
  });

  it("stops and leaves no process running", async () => {
    const { pid } = JSON.parse((await aviary(`sandbox status --state-dir ${state} -o json`)).out);
    expect((await aviary(`sandbox down --state-dir ${state}`)).out).toBe("sandbox stopped\n");
    expect(commandLineOf(pid)).toBe("");
    expect((await aviary(`sandbox status --state-dir ${state}`)).code).toBe(1);
    expect((await aviary(`sandbox down --state-dir ${state}`)).out).toBe("no sandbox is running\n");
  });
});
