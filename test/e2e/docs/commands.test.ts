/**
 * Every command block of the documentation does what the page says: each page's blocks run in their order in a sandbox.
 * A block that needs something which the sandbox lacks, or that another test runs, has a comment about it.
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { commandBlocks } from "../../docs-blocks.ts";

const UP = "aviary sandbox up\n";
const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), "aviary-docs-"));
const tools = join(base, "tools");
const MINUTES = 60_000;

const pages = (dir: string): string[] =>
  readdirSync(join(PROJECT_ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });

const hasKubectl = (process.env["PATH"] ?? "").split(":").some((dir) => existsSync(join(dir, "kubectl")));
const needsKubectl = (text: string) => /\bkubectl\b/.test(text);

const PAGES = ["README.md", ...pages("docs")].map((path) => {
  const text = readFileSync(join(PROJECT_ROOT, path), "utf8");
  const blocks = commandBlocks(text).filter(({ mark }) => mark === undefined || mark === "page: example");
  return { path, text, blocks };
});

/** Files that a page tells its reader to save: "Save this as `canary.yaml`:" and the block after it. */
function savedFiles(text: string): readonly (readonly [string, string])[] {
  const found = text.matchAll(/Save this as `([^`]+)`:\n\n```yaml\n([\s\S]*?)```/g);
  return [...found].map(([, name = "", content = ""]) => [name, content] as const);
}

/** The limit of the duration is raised: on a busy machine requests are slow, which says nothing about the page. */
const patient = (content: string): string =>
  content.replace("thresholdRange: { max: 500 }", "thresholdRange: { max: 60000 }");

/**
 * Steps of two seconds show the same commands as steps of ten. The first checks may then come before the first values,
 * which must not end the release. `first-canary.md` and `operate.md` run with the intervals that readers have.
 */
function hurried(content: string): string {
  const quick = content.replace("    interval: 10s\n    threshold: 5\n", "    interval: 2s\n    threshold: 1000\n");
  if (content.includes("kind: Canary") && quick === content) throw new Error(`no interval of 10 s in:\n${content}`);
  return patient(quick);
}

function saveFiles(folder: string, page: string, changed: (content: string) => string): void {
  const { text = "" } = PAGES.find(({ path }) => path === page) ?? {};
  for (const [name, content] of savedFiles(text)) writeFileSync(join(folder, name), changed(content));
}

/** A reader's checkout, in a folder whose name has a space. */
function checkout(reader: string): string {
  const folder = join(base, reader, "my aviary");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ["bin", "deploy", "examples", "package.json"]) {
    cpSync(join(PROJECT_ROOT, name), join(folder, name), { recursive: true });
  }
  return folder;
}

/** The operator of this reader takes intervals that are shorter than ten seconds. */
function hurryOperator(folder: string): void {
  const file = join(folder, "deploy/operator/operator.yaml");
  const manifest = readFileSync(file, "utf8");
  const quick = manifest.replace(/^( +- )operator$/m, "$&\n$1-interval-floor=1s");
  if (quick === manifest) throw new Error(`no arguments of the operator in ${file}`);
  writeFileSync(file, quick);
}

async function shell(folder: string, script: string): Promise<string> {
  const { KUBECONFIG: _own, ...outer } = process.env;
  const env = { ...outer, HOME: folder, PATH: `${tools}:${process.env["PATH"]}` };
  const words = ["-e", "-c", `shopt -s expand_aliases\n${script}`];
  const { stdout, stderr } = await run("bash", words, { cwd: folder, env, maxBuffer: 1 << 24 }).catch((error) => {
    throw new Error(`${script}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
}

beforeAll(async () => {
  mkdirSync(tools);
  writeFileSync(
    join(tools, "aviary"),
    `#!/bin/sh\nexec ${process.execPath} '${join(PROJECT_ROOT, "bin/aviary")}' "$@"\n`,
    { mode: 0o755 },
  );
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

/**
 * Runs the commands of a reader, and stops the reader's sandbox. Four readers at once (`maxConcurrency` in
 * vitest.config.ts): with more sandboxes, the commands of a page would wait longer than the page says.
 */
async function session(folder: string, script: string): Promise<string> {
  try {
    return await shell(folder, script);
  } finally {
    if (existsSync(join(folder, ".aviary"))) await shell(folder, "aviary sandbox down");
  }
}

/** The blocks of a page are one session: what a block exports or aliases is there in the next. */
const sessionOf = (blocks: readonly { readonly commands: string }[]): string =>
  blocks.map(({ commands }) => commands).join("\n");

const runnable = (path: string) =>
  PAGES.find((page) => page.path === path)?.blocks.filter(
    ({ commands, mark }) => mark === undefined && (hasKubectl || !needsKubectl(commands)),
  ) ?? [];

const TUTORIAL = "docs/tutorials/first-canary.md";
/** Those of the other tutorials that the sandbox is enough for: all that begin with one. */
const IN_THE_SANDBOX = PAGES.filter(
  ({ path, blocks }) =>
    path.startsWith("docs/tutorials/") && path !== TUTORIAL && blocks.some(({ commands }) => commands.startsWith(UP)),
);

describe.concurrent("the command blocks of a page", () => {
  it(`${TUTORIAL}: from a Deployment to a promotion and a rollback`, { timeout: 15 * MINUTES }, async ({ expect }) => {
    const folder = checkout("tutorial");
    saveFiles(folder, TUTORIAL, patient);
    if (!hasKubectl) return;
    const out = await session(folder, sessionOf(runnable(TUTORIAL)));
    expect(out).toContain("1 Canary: 0 errors, 0 warnings");
    expect(out).toMatch(/canary\/web is Initialized[\s\S]*is Succeeded[\s\S]*is Failed[\s\S]*is Succeeded/);
    // No good release meets a failed check: not for want of requests, nor by those of the bad release before it.
    for (const [, end] of out.matchAll(/canary\/web: Finalising(.*)/g)) expect(end).toBe("");
    expect(out).toMatch(/Rolled back at step \d of 2 \(\d+ %\): request-success-rate [\d.]+ % < 95 %/);
    expect(out).toContain("sandbox stopped");
  });

  const about = PAGES.filter(({ blocks }) => blocks.some(({ mark }) => mark === "page: example"));

  it.each(about.map((page) => [page.path, page] as const))(
    "%s is about the example application",
    {
      timeout: 15 * MINUTES,
    },
    async (path, { blocks }) => {
      const wanted = blocks
        .filter(({ mark, commands }) => mark === "page: example" && (hasKubectl || !needsKubectl(commands)))
        .map(({ commands }) => commands);
      const commands = [
        "aviary sandbox up && aviary apply deploy examples/podinfo",
        "export KUBECONFIG=.aviary/kubeconfig",
        "alias kubectl='kubectl --cache-dir=.aviary/kc'",
        "aviary wait canary/podinfo -n test --timeout 5m",
        ...wanted,
      ];
      expect(await session(checkout(path.replaceAll("/", "-")), commands.join("\n"))).toContain("canary/podinfo");
    },
  );

  it.each(IN_THE_SANDBOX.map(({ path }) => [path]))(
    "%s: a release in the sandbox is promoted",
    { timeout: 15 * MINUTES },
    async (path) => {
      const folder = checkout(path.replaceAll("/", "-"));
      saveFiles(folder, path, hurried);
      hurryOperator(folder);
      if (!hasKubectl) return;
      const out = await session(folder, sessionOf(runnable(path)));
      expect(out).toMatch(/canary.flagger.app\/podinfo condition met[\s\S]*is Succeeded/);
      expect(out).toContain("sandbox stopped");
    },
  );

  const alone = PAGES.filter(
    (page) => page.path !== TUTORIAL && !IN_THE_SANDBOX.includes(page) && runnable(page.path).length > 0,
  );

  it.each(alone.map(({ path }) => [path]))("%s needs no cluster", { timeout: 5 * MINUTES }, async (path) => {
    const folder = checkout(path.replaceAll("/", "-"));
    expect(await session(folder, sessionOf(runnable(path)))).not.toBe("");
  });
});
