/**
 * The Makefile's targets in a folder with a space in its name, beside other clusters: what they change, and what they
 * leave.
 */
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";

const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), "aviary-make-"));
const ODD = 'my av\'iary "$HOME"; & (x) #1 ünï%20';
const folder = join(base, ODD);
const home = join(base, "home of mine");
const tools = join(base, "tools");
/** The folder that a shell would use if it split the name at its first space. */
const neighbour = join(base, "my");

const COPIED = [
  "Makefile",
  "apps",
  "bin",
  "clusters",
  "console",
  "deploy",
  "examples",
  "infrastructure",
  "src",
  "sandbox",
  "scripts",
  "package.json",
];
const TOOLS = ["sh", "node", "make", "sed", "grep", "find", "rm", "rmdir", "expand", "touch", "bash", "env"];

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Where {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly kubectl?: boolean;
}

/** @param kubectl whether the machine has kubectl */
async function make(words: readonly string[], { cwd = folder, env = {}, kubectl = false }: Where = {}) {
  const path = kubectl ? `${tools}:${process.env["PATH"]}` : tools;
  return run(join(tools, "make"), words, { cwd, env: { PATH: path, HOME: home, ...env } }).then(
    ({ stdout, stderr }): Result => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }): Result => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

const inFolder = (...words: string[]) =>
  run(process.execPath, [join(folder, "bin/aviary"), ...words], { cwd: base, env: { PATH: tools, HOME: home } });

const kubeconfigOf = (server: string): string =>
  JSON.stringify({
    "current-context": "other",
    clusters: [{ name: "other", cluster: { server } }],
    contexts: [{ name: "other", context: { cluster: "other" } }],
  });

/** Another cluster, which no target with the sandbox may ask for anything. */
const asked: string[] = [];
const other = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.writeHead(500).end();
});

beforeAll(async () => {
  await once(other.listen(0, "127.0.0.1"), "listening");
  for (const path of [folder, join(home, ".kube"), tools, neighbour]) mkdirSync(path, { recursive: true });
  for (const name of [...COPIED, "package-lock.json", "tsconfig.json", "tsconfig.build.json"]) {
    cpSync(join(PROJECT_ROOT, name), join(folder, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
  // As after an installation and a build. A call of npm is noticed.
  const long = new Date(0);
  for (const name of ["package.json", "package-lock.json"]) utimesSync(join(folder, name), long, long);
  await run(process.execPath, [join(folder, "scripts/build.mjs")]);
  for (const name of TOOLS) {
    symlinkSync(execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(), join(tools, name));
  }
  for (const name of ["npm", "npx"])
    writeFileSync(join(tools, name), "#!/bin/sh\necho npm was called; exit 99\n", { mode: 0o755 });
  writeFileSync(join(neighbour, "dear"), "");
  writeFileSync(join(home, ".kube/config"), kubeconfigOf(`http://127.0.0.1:${(other.address() as AddressInfo).port}`));
});

afterAll(async () => {
  await inFolder("sandbox", "down", "--state-dir", join(folder, ".aviary")).catch(() => undefined);
  await inFolder("sandbox", "down", "--state-dir", join(base, "real")).catch(() => undefined);
  rmSync(base, { recursive: true, force: true });
  other.close();
});

const hasKubectl = existsSync("/usr/bin/kubectl") || existsSync("/usr/local/bin/kubectl");

describe("make, without a cluster", () => {
  it("lists its targets", async () => {
    const { code, out } = await make([]);
    expect([code, out]).toEqual([0, expect.stringContaining("  make infrastructure")]);
    expect(out).toContain("  make clean");
  });

  it("clean removes nothing when nothing exists", async () => {
    expect(await make(["clean"])).toEqual({ code: 0, out: "no sandbox is running\n", err: "" });
    expect(readdirSync(neighbour)).toEqual(["dear"]);
  });

  it.each(["check", "edit"])("%s says what to do first, and contacts no other cluster", async (target) => {
    const { code, out } = await make([target], { env: { KUBECONFIG: join(home, ".kube/config") } });
    expect([code, out]).toEqual([2, "the sandbox is not running: make infrastructure first\n"]);
  });

  it("a cluster that is neither of the two is refused", async () => {
    const { code, err } = await make(["clean", "CLUSTER=prod"]);
    expect([code, err]).toEqual([2, expect.stringContaining('CLUSTER must be sandbox or kubeconfig, found "prod"')]);
  });

  it("another folder is refused, because its .aviary was made by another checkout", async () => {
    mkdirSync(join(base, "elsewhere/.aviary"), { recursive: true });
    const { code, err } = await make(["-f", join(folder, "Makefile"), "clean"], { cwd: join(base, "elsewhere") });
    expect([code, err]).toEqual([2, expect.stringContaining("run make in Aviary's own folder")]);
    expect(existsSync(join(base, "elsewhere/.aviary"))).toBe(true);
  });
});

describe("make, with the sandbox, while other clusters are configured", () => {
  const env = { KUBECONFIG: join(home, ".kube/config") };

  it("infrastructure installs everything and reports it", async () => {
    const { code, out, err } = await make(["infrastructure"], { env });
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining("of .aviary/kubeconfig") });
    for (const line of ["deployment/flagger created", "canary/podinfo created", "canary/podinfo is Initialized"]) {
      expect(out).toContain(`${line}\n`);
    }
    expect(out).toMatch(/podinfo answers at http:\/\/127\.0\.0\.1:\d+: curl -H "Host: podinfo.example.com"/);
    // A line that is printed for a shell works in a shell.
    const [, line = ""] = /kubectl works with: (export .*)/.exec(out) ?? [];
    const { stdout } = await run("/bin/sh", ["-c", `${line}; cat "$KUBECONFIG"`]);
    expect(stdout).toBe(readFileSync(join(folder, ".aviary/kubeconfig"), "utf8"));
  });

  it("check describes the Canary, edit releases the next image and names the cluster first", async () => {
    expect((await make(["check"], { env })).out).toContain("Initialization done! podinfo.test");
    if (hasKubectl) expect((await make(["check"], { env, kubectl: true })).out).toContain("Initialization done!");
    const { code, out, err } = await make(["edit"], { env });
    expect([code, out]).toEqual([0, expect.stringContaining("podinfo:6.0.0 -> ghcr.io/stefanprodan/podinfo:6.0.1")]);
    expect(err).toMatch(/^cluster: https:\/\/127\.0\.0\.1:\d+ /);
  });

  it("a second infrastructure changes nothing, also not the image", async () => {
    const { code, out } = await make(["infrastructure"], { env });
    expect(code).toBe(0);
    expect(out).toContain("deployment/podinfo exists, left as it is\n");
    expect(out).not.toMatch(/ (created|configured)$/m);
    expect((await make(["edit"], { env })).out).toContain("podinfo:6.0.1 -> ghcr.io/stefanprodan/podinfo:6.0.2");
  });

  it("clean stops the sandbox and removes what infrastructure created, but no other file", async () => {
    writeFileSync(join(folder, ".aviary/mine"), "");
    const first = await make(["clean"], { env });
    expect([first.code, first.out]).toEqual([0, "sandbox stopped\n.aviary holds other files and stays\n"]);
    expect(readdirSync(join(folder, ".aviary"))).toEqual(["mine"]);
    rmSync(join(folder, ".aviary/mine"));
    await make(["clean"], { env });
    expect(existsSync(join(folder, ".aviary"))).toBe(false);
    expect(readdirSync(neighbour)).toEqual(["dear"]);
  });

  it("infrastructure that is interrupted is finished by the next one, and two at once share one sandbox", async () => {
    await interrupted(["infrastructure"], "customresourcedefinition/canaries.flagger.app created", env);
    const both = await Promise.all([make(["infrastructure"], { env }), make(["infrastructure"], { env })]);
    for (const { code, out } of both) expect([code, out]).toEqual([0, expect.stringContaining("is Initialized\n")]);
    expect((await make(["clean"], { env })).out).toBe("sandbox stopped\n");
    expect(existsSync(join(folder, ".aviary"))).toBe(false);
  });

  it("clean removes what an interrupted infrastructure left", async () => {
    await interrupted(["infrastructure"], "customresourcedefinition/canaries.flagger.app created", env);
    expect((await make(["clean"], { env })).out).toBe("sandbox stopped\n");
    expect(existsSync(join(folder, ".aviary"))).toBe(false);
  });

  it("none of them asked the other clusters for anything", () => {
    expect(asked).toEqual([]);
  });
});

/** Ctrl-C, which reaches every process of the terminal, when `line` is printed. */
async function interrupted(
  words: readonly string[],
  line: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const options = { cwd: folder, env: { PATH: tools, HOME: home, ...env }, detached: true } as const;
  const child = spawn(join(tools, "make"), words, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  let out = "";
  for await (const chunk of child.stdout) {
    out += String(chunk);
    if (out.includes(line)) break;
  }
  expect(out).toContain(line);
  process.kill(-(child.pid ?? Number.NaN), "SIGINT");
  await ended;
}

describe("make CLUSTER=kubeconfig", () => {
  const real = ["CLUSTER=kubeconfig"];
  const state = join(base, "real");
  const kubeconfig = join(state, "kubeconfig");
  const aviary = async (...words: string[]) => (await inFolder(...words, "--kubeconfig", kubeconfig)).stdout;

  beforeAll(async () => {
    await inFolder("sandbox", "up", "--state-dir", state);
    // The cluster is that of ~/.kube/config; $KUBECONFIG is not set.
    cpSync(kubeconfig, join(home, ".kube/config"));
  });

  it("infrastructure goes to ~/.kube/config, and starts no sandbox", async () => {
    const { code, err } = await make(["infrastructure", ...real]);
    expect([code, err]).toEqual([0, expect.stringContaining(join(home, ".kube/config"))]);
    expect(existsSync(join(folder, ".aviary"))).toBe(false);
    expect((await make(["check", ...real])).out).toContain("Initialization done! podinfo.test");
  });

  it("$KUBECONFIG, with odd characters in its path, comes before ~/.kube/config", async () => {
    const chosen = join(base, `kubeconfig of ${ODD}`);
    cpSync(kubeconfig, chosen);
    writeFileSync(join(home, ".kube/config"), kubeconfigOf("http://127.0.0.1:1"));
    const { code, out } = await make(["check", ...real], { env: { KUBECONFIG: chosen } });
    expect([code, out]).toEqual([0, expect.stringContaining("Initialization done! podinfo.test")]);
    cpSync(kubeconfig, join(home, ".kube/config"));
  });

  it("clean asks for confirmation: without a terminal it does nothing", async () => {
    const { code, err } = await make(["clean", ...real]);
    expect([code, err]).toEqual([2, expect.stringContaining("there is no terminal to ask, add --yes")]);
    expect(await aviary("get", "canaries", "-A")).toContain("podinfo");
  });

  it("clean leaves everything that another Canary of the cluster needs", async () => {
    const canary = readFileSync(join(folder, "examples/podinfo/canary.yaml"), "utf8");
    const theirs = canary.replaceAll("namespace: test", "namespace: istio-system");
    writeFileSync(join(base, "their-canary.yaml"), theirs);
    await aviary("apply", join(base, "their-canary.yaml"));
    const { code, out } = await make(["clean", "YES=1", ...real]);
    expect(code).toBe(0);
    expect(out).toContain("canary/podinfo deleted\n");
    expect(out).toContain("deployment/flagger kept: canary/podinfo in istio-system needs it\n");
    expect(out).toContain("customresourcedefinition/canaries.flagger.app kept: ");
    expect(await aviary("get", "canaries", "-A")).toMatch(/istio-system +podinfo/);
  });

  it("clean removes the rest when no other Canary needs it; a namespace with objects stays", async () => {
    await aviary("delete", "--yes", join(base, "their-canary.yaml"));
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "mine", namespace: "test" } };
    writeFileSync(join(base, "mine.json"), JSON.stringify(config));
    await aviary("apply", join(base, "mine.json"));
    const { code, out } = await make(["clean", "YES=1", ...real]);
    expect(code).toBe(0);
    expect(out).toContain("customresourcedefinition/canaries.flagger.app deleted\n");
    expect(out).toContain("namespace/test kept: it holds objects of others, e.g. configmap/mine");
    // The sandbox has it from the start, as a cluster with Istio does.
    expect(out).toContain("namespace/istio-system kept: it was there before `aviary apply`");
    expect(await aviary("get", "cm", "-n", "test")).toContain("mine");
  });
});
