/** The program that tests start as a process: the result of `npm run build`. */
import { join } from "node:path";
import { PROJECT_ROOT } from "../src/project-root.ts";

export const PROGRAM = process.env["AVIARY_PROGRAM"] ?? join(PROJECT_ROOT, "dist/src/main.js");
