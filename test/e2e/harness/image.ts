/** Lays out the files of the image as the Dockerfile does, with the same script. */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { PROJECT_ROOT } from "../../../src/project-root.ts";
import { PROGRAM } from "../../program.ts";

/** @param node the path of node inside the image. node_modules is linked, not copied, and not pruned. */
export function stageImage(to: string, node: string, modules: "link" | "copy" = "link"): void {
  const dist = dirname(dirname(PROGRAM));
  const more = modules === "link" ? ["--modules", "link"] : [];
  execFileSync(
    process.execPath,
    [join(PROJECT_ROOT, "scripts/stage-image.mjs"), "--to", to, "--dist", dist, "--node", node, ...more],
    {
      stdio: ["ignore", "inherit", "pipe"],
    },
  );
}
