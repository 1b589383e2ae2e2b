// Compiles src/ and sandbox/ to dist/ from scratch, so that nothing stale is ever run. Makes the sandbox's Kubernetes types.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { writeKubernetesModels } from "./kubernetes-models.mjs";

const root = new URL("..", import.meta.url);
writeKubernetesModels();
rmSync(new URL("dist", root), { recursive: true, force: true });
const tsc = fileURLToPath(new URL("node_modules/.bin/tsc", root));
const { status } = spawnSync(tsc, ["-p", "tsconfig.build.json"], { cwd: fileURLToPath(root), stdio: "inherit" });
process.exit(status ?? 1);
