// Bundles src/ and sandbox/ into few files, because a process that reads hundreds of modules starts slowly
// (docs/adr/0022-bundle.md).
//   node scripts/bundle.mjs --to FOLDER
// Packages stay outside, except those of BUNDLED. Chunks with code of the sandbox stand in FOLDER/sandbox, and the image
// goes without them.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** 70 files, of which the bundle makes one. Most commands that read YAML read few lines. */
const BUNDLED = ["yaml"];
/** Its ES modules, which it names for browsers: the same code as for Node, without the wrapper around each module. */
const YAML = join(ROOT, "node_modules/yaml/browser/index.js");
const SANDBOX = join(ROOT, "sandbox/");

/**
 * What most commands share is one file: each file costs a resolution, a read and a link. undici's users stay apart,
 * because commands do without undici.
 */
const COMMON = {
  name: "common",
  minShareCount: 12,
  test: (id) => id.startsWith(join(ROOT, "src/")) && id !== join(ROOT, "src/net/dispatcher.ts"),
};

const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const packages = Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !BUNDLED.includes(name));
const isOutside = (id) => packages.some((name) => id === name || id.startsWith(`${name}/`));

/** @param entries sources by the name of their file in `to`, without .js */
async function write(to, entries) {
  const bundle = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(ROOT, path)])),
    platform: "node",
    external: isOutside,
    resolve: { alias: { yaml: YAML } },
    transform: { target: "node20" },
    tsconfig: false,
    onLog: (_level, log) => {
      throw new Error(`the bundle: ${log.message}`);
    },
  });
  try {
    return await bundle.write({
      dir: to,
      format: "esm",
      codeSplitting: { groups: [COMMON, { name: "yaml", test: (id) => id.includes("/node_modules/yaml/") }] },
      // Node reads every letter before it runs the first line.
      comments: { legal: true, annotation: true, jsdoc: false },
      sourcemap: true,
      sourcemapExcludeSources: true,
      // As from ROOT/dist/src, wherever the bundle is written.
      sourcemapPathTransform: (source, map) => `../../${relative(ROOT, resolve(dirname(map), source))}`,
      entryFileNames: "[name].js",
      chunkFileNames: ({ moduleIds }) =>
        moduleIds.some((id) => id.startsWith(SANDBOX)) ? "sandbox/[name].js" : "src/[name].js",
    });
  } finally {
    await bundle.close();
  }
}

/** The whole program: FOLDER/src/main.js, and the threads that it starts by path. */
export async function bundleProgram(to) {
  for (const folder of ["src", "sandbox"]) rmSync(join(to, folder), { recursive: true, force: true });
  const { output } = await write(to, {
    "src/main": "src/main.ts",
    "src/watchdog-thread": "src/operator/watchdog/watchdog-thread.ts",
    "src/simulate-thread": "src/cli/commands/simulate-thread.ts",
  });
  const modules = output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
  writeFileSync(join(to, "src/LICENSES.txt"), licencesOf(modules));
}

/** Bundles one source, for the scripts that read its tables. */
export async function importSource(path) {
  const to = join(ROOT, "node_modules/.cache/aviary-scripts", String(process.pid));
  try {
    const name = path.replaceAll("/", "-");
    await write(to, { [name]: path });
    return await import(pathToFileURL(join(to, `${name}.js`)).href);
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

/** The licences of the packages that the bundle contains. */
function licencesOf(modules) {
  const folders = modules.map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0]);
  const texts = [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  return `These packages are part of Aviary's files.\n\n${texts.join("\n")}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { to } = parseArgs({ options: { to: { type: "string" } } }).values;
  if (to === undefined) {
    console.error("usage: node scripts/bundle.mjs --to FOLDER");
    process.exit(2);
  }
  await bundleProgram(to);
}
