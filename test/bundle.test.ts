/** What `npm run build` makes of the sources, in a folder with a space in its name. */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../src/project-root.ts";

const base = mkdtempSync(join(tmpdir(), "aviary bundle "));
const dist = join(base, "dist");

beforeAll(() => {
  execFileSync(process.execPath, [join(PROJECT_ROOT, "scripts/bundle.mjs"), "--to", dist], { stdio: "inherit" });
  for (const name of ["package.json", "bin"]) cpSync(join(PROJECT_ROOT, name), join(base, name), { recursive: true });
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(base, "node_modules"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const aviary = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  promisify(execFile)(process.execPath, [join(base, "bin/aviary"), ...words], {
    env: { PATH: process.env["PATH"], HOME: base, ...env },
  }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      text: error.stdout + error.stderr,
    }),
  );

/** A command that ends with an error of its own, and shows where. */
function fails() {
  const broken = join(base, "broken.mjs");
  writeFileSync(broken, 'process.stdout.write = () => { throw new Error("the pen is dry"); };');
  return aviary(["--version"], { NODE_OPTIONS: `--import=${JSON.stringify(broken)}` });
}

describe("the bundle", () => {
  it("simulates on several threads what it simulates on one", async () => {
    const runs = (jobs: string) => aviary(["simulate", "--runs", "50", "--seed", "3", "--jobs", jobs]);
    expect([await runs("1"), await runs("3")]).toEqual(Array(2).fill({ code: 0, text: "50 runs, 0 violations\n" }));
  });

  it("says how far its threads came when it is interrupted", async () => {
    const interrupts = join(base, "interrupts.mjs");
    // The third share is asked for when one of the first two has been run.
    writeFileSync(
      interrupts,
      `import { Worker } from "node:worker_threads";
      const { postMessage } = Worker.prototype;
      let shares = 0;
      Worker.prototype.postMessage = function (what) {
        if (what !== "stop" && ++shares === 3) process.kill(process.pid, "SIGINT");
        return postMessage.call(this, what);
      };`,
    );
    const options = { NODE_OPTIONS: `--import=${JSON.stringify(interrupts)}` };
    const { code, text } = await aviary(["simulate", "--runs", "100000", "--jobs", "2"], options);
    expect([code, text]).toEqual([
      130,
      expect.stringMatching(/^interrupted after [1-9]\d of 100000 runs, 0 violations\n$/),
    ]);
  });

  it("names the lines of the sources in a stack trace", async () => {
    const { text } = await fails();
    expect(text).toContain("Error: the pen is dry");
    expect(text).toMatch(/at .*runCommandLine \(src\/cli\/run\.ts:\d+:\d+\)/);
  });

  it("names its own lines when there is no map", async () => {
    const maps = readdirSync(join(dist, "src")).filter((name) => name.endsWith(".map"));
    const aside = join(base, "maps");
    mkdirSync(aside);
    for (const name of maps) cpSync(join(dist, "src", name), join(aside, name));
    for (const name of maps) rmSync(join(dist, "src", name));
    try {
      const { text } = await fails();
      expect(text).toMatch(/runCommandLine \(file:.*\/dist\/src\/.*\.js:\d+:\d+\)/);
    } finally {
      cpSync(aside, join(dist, "src"), { recursive: true });
    }
  });

  it("comes with the licence of each package in it, and takes the others from node_modules", () => {
    const licences = readFileSync(join(dist, "src/LICENSES.txt"), "utf8");
    expect([...licences.matchAll(/^(\S+) \d\S* \(.*\)$/gm)].map(([, name]) => name)).toEqual(["yaml"]);
    const code = readdirSync(join(dist, "src"))
      .filter((name) => name.endsWith(".js"))
      .map((name) => readFileSync(join(dist, "src", name), "utf8"))
      .join("\n");
    const taken = new Set([...code.matchAll(/^import .*from "([^.][^"]*)";$/gm)].map(([, name = ""]) => name));
    const { dependencies } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const known = [...taken].filter((name) => !name.startsWith("node:"));
    expect(
      known.filter(
        (name) =>
          dependencies[
            name
              .split("/")
              .slice(0, name[0] === "@" ? 2 : 1)
              .join("/")
          ],
      ),
    ).toEqual(known);
    expect(known).toContain("undici");
  });

  it.each(["operator", "loadtester", "console", "list", "show", "check"])(
    "runs `aviary %s` without the sandbox's files, as the image does",
    async (command) => {
      const folder = mkdtempSync(join(base, "image "));
      cpSync(join(dist, "src"), join(folder, "dist/src"), { recursive: true });
      for (const name of ["package.json", "bin"]) cpSync(join(base, name), join(folder, name), { recursive: true });
      symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
      const out = execFileSync(process.execPath, [join(folder, "bin/aviary"), command, "--help"], { encoding: "utf8" });
      expect(out).toContain(`aviary ${command}: `);
    },
  );

  it("loads neither undici nor any part of the sandbox for `aviary list`", async () => {
    const seen = join(base, "seen.mjs");
    const hooks = join(base, "hooks.mjs");
    writeFileSync(
      hooks,
      'import { writeSync } from "node:fs";\n' +
        "export const load = (url, context, next) => { writeSync(2, 'loads ' + url + '\\n'); return next(url, context); };\n",
    );
    writeFileSync(seen, `import { register } from "node:module"; register(${JSON.stringify(`file://${hooks}`)});`);
    const { code, text } = await aviary(["list"], {
      NODE_OPTIONS: `--import=${JSON.stringify(seen)}`,
      KUBECONFIG: join(base, "none"),
    });
    expect(code).toBe(1);
    const loaded = [...text.matchAll(/^loads (.*)$/gm)].map(([, url = ""]) => url);
    expect(loaded.some((url) => url.endsWith("/dist/src/list.js"))).toBe(true);
    expect(loaded.filter((url) => /undici|pino|hono|dist\/sandbox/.test(url))).toEqual([]);
  });
});
