/** The parts of a release: the versions, the package, the workflows and the dev container. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { PROJECT_ROOT } from "../src/project-root.ts";

const read = (path: string) => readFileSync(join(PROJECT_ROOT, path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };

it("every place that repeats the version has the version of package.json", () => {
  const run = () => execFileSync(process.execPath, [join(PROJECT_ROOT, "scripts/version.mjs"), "--check", version]);
  expect(run).not.toThrow();
});

it("another version is noticed", () => {
  const run = () =>
    execFileSync(process.execPath, [join(PROJECT_ROOT, "scripts/version.mjs"), "--check", "99.0.0"], { stdio: "pipe" });
  expect(run).toThrow(/package\.json says/);
});

it("the npm package holds what `npx` needs to run the demo", () => {
  const out = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(out) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const needed of ["bin/aviary", "deploy/operator/operator.yaml", "examples/podinfo/canary.yaml", "LICENSE"])
    expect(paths).toContain(needed);
  expect(paths.filter((path) => path.endsWith(".test.js") || path.startsWith("test/"))).toEqual([]);
});

describe("the workflows", () => {
  const folder = join(PROJECT_ROOT, ".github/workflows");
  it.each(readdirSync(folder))("%s is valid YAML with permissions, pinned runners and pinned actions", (name) => {
    const workflow = parse(readFileSync(join(folder, name), "utf8")) as {
      permissions: unknown;
      jobs: Record<string, { "runs-on": string; steps: { uses?: string; run?: string }[] }>;
    };
    expect(workflow.permissions).toBeDefined();
    for (const job of Object.values(workflow.jobs)) {
      expect(job["runs-on"]).toMatch(/^ubuntu-\d\d\.\d\d$/);
      for (const step of job.steps) {
        expect([step.uses, step.run].filter(Boolean)).toHaveLength(1);
        if (step.uses !== undefined) expect(step.uses).toMatch(/^[\w-]+\/[\w/-]+@v\d+/);
      }
    }
  });

  it("run only npm scripts and files that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), "utf8");
      for (const [, script = ""] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g))
        expect(Object.keys(scripts)).toContain(script);
      for (const [, file = ""] of text.matchAll(/(?:node |- run: )((?:scripts|\.ci)\/\S+)/g))
        expect(existsSync(join(PROJECT_ROOT, file))).toBe(true);
    }
  });
});

describe("actionlint, where it is on PATH or named by $ACTIONLINT", () => {
  const program = process.env["ACTIONLINT"] ?? "actionlint";
  const isThere = spawnSync(program, ["-version"], { stdio: "ignore" }).status === 0;

  it("accepts every workflow", () => {
    if (!isThere) return expect(isThere).toBe(false);
    const { status, stdout, stderr } = spawnSync(program, ["-shellcheck=", "-no-color", ...workflowFiles()], {
      cwd: PROJECT_ROOT,
      encoding: "utf8",
    });
    expect([status, stdout + stderr]).toEqual([0, ""]);
  });
});

const workflowFiles = () =>
  readdirSync(join(PROJECT_ROOT, ".github/workflows")).map((name) => join(".github/workflows", name));

describe("the dev container", () => {
  const container = JSON.parse(read(".devcontainer/devcontainer.json")) as {
    image: string;
    features: Record<string, Record<string, unknown>>;
    postCreateCommand: string;
  };
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const fits = (table: Readonly<Record<string, (value: unknown) => boolean>>) => (value: unknown) =>
    isObject(value) && Object.entries(value).every(([key, each]) => table[key]?.(each) === true);
  const size = (value: unknown) => typeof value === "string" && /^\d+[tgmk]b$/.test(value);
  const count = (value: unknown) => Number.isInteger(value) && Number(value) >= 1;
  /** The schema of containers.dev (devContainer.base.schema.json), reduced to the properties that this file may use. */
  const SCHEMA: Readonly<Record<string, (value: unknown) => boolean>> = {
    name: isText,
    image: isText,
    features: (value) =>
      isObject(value) && Object.values(value).every((options) => isText(options) || isObject(options)),
    hostRequirements: fits({ cpus: count, memory: size, storage: size }),
    postCreateCommand: (value) => isText(value) || isObject(value) || (Array.isArray(value) && value.every(isText)),
    remoteUser: isText,
    forwardPorts: (value) =>
      Array.isArray(value) &&
      value.every((port) => (count(port) && port <= 65_535) || /^[a-z0-9-]+:\d{1,5}$/.test(String(port))),
    customizations: isObject,
  };

  it("satisfies the schema of containers.dev", () => {
    expect(Object.entries(container).filter(([key, value]) => SCHEMA[key]?.(value) !== true)).toEqual([]);
  });

  it.each([
    ["forwardPorts", [0]],
    ["hostRequirements", { memory: "8 GB" }],
    ["postCreateCommand", ["bash", 1]],
  ])("the schema rejects a wrong %s", (key, value) => {
    expect(SCHEMA[key]?.(value)).toBe(false);
  });

  it("pins the image and every tool of the walk-through", () => {
    expect(container.image).toMatch(/:\d+-bookworm$/);
    for (const tool of ["azure-cli", "terraform", "kubectl-helm-minikube", "flux2"]) {
      const [, options] = Object.entries(container.features).find(([name]) => name.includes(`/${tool}:`)) ?? [];
      expect(options?.["version"], tool).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it("prepares itself with a script that bash can read", () => {
    const script = container.postCreateCommand.replace("bash ", "");
    expect(() => execFileSync("bash", ["-n", join(PROJECT_ROOT, script)])).not.toThrow();
    expect(read(script)).toContain("npm run --silent build");
  });

  it.each([
    ["with a package server", "exit 0", "Ready. Run: make demo"],
    ["without a package server", "exit 1", "prometheus and hey are not installed: the sandbox uses its own"],
  ])("its post-create command installs and builds, %s", (_, aptGet, message) => {
    const base = mkdtempSync(join(tmpdir(), "aviary container-"));
    try {
      const folder = join(base, "my aviary/.devcontainer");
      mkdirSync(folder, { recursive: true });
      cpSync(join(PROJECT_ROOT, ".devcontainer"), folder, { recursive: true });
      const program = (name: string, body: string) =>
        writeFileSync(join(base, name), `#!/bin/sh\necho "${name} $*" >>"${base}/calls"\n${body}\n`, { mode: 0o755 });
      program("npm", "exit 0");
      program("apt-get", `case "$1" in install) ${aptGet};; esac`);
      program("id", "echo 1000");
      program("sudo", 'case "$1" in sh) exit 0;; esac; exec "$@"');
      const env = { PATH: `${base}:${process.env["PATH"]}`, HOME: base };
      const words = container.postCreateCommand.split(" ").slice(1);
      const out = execFileSync("bash", words, { cwd: join(base, "my aviary"), env, encoding: "utf8" });
      expect(out).toContain(message);
      expect(out).toContain("Ready. Run: make demo");
      const calls = readFileSync(join(base, "calls"), "utf8").split("\n");
      const install = "npm ci --no-audit --no-fund";
      expect(calls.filter((call) => call.startsWith("npm"))).toEqual([install, "npm run --silent build"]);
    } finally {
      rmSync(base, { recursive: true });
    }
  });
});
