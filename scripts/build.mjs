// Compiles src/ and sandbox/ to dist/ from scratch, so that nothing stale is ever run, and builds the pages of the console. Makes the sandbox's Kubernetes types.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { writeKubernetesModels } from "./kubernetes-models.mjs";

const root = new URL("..", import.meta.url);
writeKubernetesModels();
rmSync(new URL("dist", root), { recursive: true, force: true });
const tsc = fileURLToPath(new URL("node_modules/.bin/tsc", root));
const { status } = spawnSync(tsc, ["-p", "tsconfig.build.json"], { cwd: fileURLToPath(root), stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await build({ configFile: fileURLToPath(new URL("console/vite.config.ts", root)) });
