/** The parts of a release: the versions, the package, the workflows and the dev container. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

describe("the dev container", () => {
  const container = JSON.parse(read(".devcontainer/devcontainer.json")) as {
    image: string;
    features: Record<string, Record<string, unknown>>;
    postCreateCommand: string;
  };
  /** The properties of the containers.dev specification that this file may use. */
  const KNOWN = "name image features hostRequirements postCreateCommand remoteUser forwardPorts customizations";

  it("uses only properties of the specification", () => {
    expect(Object.keys(container).filter((key) => !KNOWN.split(" ").includes(key))).toEqual([]);
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
});
