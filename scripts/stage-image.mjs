// Lays out the files of an image: what was built, the production modules and the programs, without the sandbox.
//   node scripts/stage-image.mjs --to FOLDER [--node PATH] [--dist FOLDER] [--modules link]
//     --dist     the build (default: dist/)
//     --modules  "link" links node_modules instead of copying them, for tests
//     --node     the path of node inside the image, for the first line of each program (default: /usr/bin/env node)
// Run it after `npm run build`. It copies node_modules as they are: run `npm prune --omit=dev` before it.
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    to: { type: "string" },
    node: { type: "string", default: "/usr/bin/env node" },
    modules: { type: "string" },
    dist: { type: "string" },
  },
});
if (values.to === undefined) {
  console.error("usage: node scripts/stage-image.mjs --to FOLDER [--node PATH]");
  process.exit(2);
}
const root = fileURLToPath(new URL("..", import.meta.url));
const to = values.to;
const dist = values.dist ?? join(root, "dist");
if (!existsSync(join(dist, "src/main.js"))) {
  console.error("the build is missing: run `npm run build` first");
  process.exit(1);
}
rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });

for (const name of ["package.json", "LICENSE"]) cpSync(join(root, name), join(to, name));
cpSync(join(dist, "src"), join(to, "dist/src"), { recursive: true });
const modules = join(root, "node_modules");
if (values.modules === "link") symlinkSync(modules, join(to, "node_modules"));
else cpSync(modules, join(to, "node_modules"), { recursive: true, filter: (path) => !path.includes("/.cache") });

/** Flagger's charts start ./flagger and ./loadtester. `wget` answers the probes of those charts. */
for (const [from, name] of [
  ["bin/aviary", "bin/aviary"],
  ["bin/aviary", "flagger"],
  ["bin/aviary", "loadtester"],
  ["scripts/image-wget.mjs", "wget"],
]) {
  const text = readFileSync(join(root, from), "utf8").replace(/^#!.*\n/, "");
  const program = join(to, name);
  mkdirSync(dirname(program), { recursive: true });
  // A program at the top of the image finds dist/ beside it, not above it.
  const placed = name.includes("/") ? text : text.replace("../dist/", "./dist/");
  writeFileSync(program, `#!${values.node}\n${placed}`);
  chmodSync(program, 0o755);
}
