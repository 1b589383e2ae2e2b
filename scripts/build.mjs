// Makes dist/ from scratch, so that nothing stale is ever run: the bundle of src/ and sandbox/ and the console's pages.
// The compiler checks the types meanwhile, unless the caller has checked them (--checked). Makes the sandbox's
// Kubernetes types.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { bundleProgram } from "./bundle.mjs";
import { writeKubernetesModels } from "./kubernetes-models.mjs";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const dist = path("dist");

writeKubernetesModels();
rmSync(dist, { recursive: true, force: true });
const checked = process.argv.includes("--checked") ? 0 : checkTypes();
await bundleProgram(dist);
await build({ configFile: path("console/vite.config.ts") });
const status = await checked;
if (status !== 0) {
  // A build that does not pass the compiler is no build.
  rmSync(dist, { recursive: true, force: true });
  process.exit(status ?? 1);
}

function checkTypes() {
  const tsc = spawn(path("node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], { cwd: path(""), stdio: "inherit" });
  return new Promise((resolve) => tsc.once("close", resolve));
}
