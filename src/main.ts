/** Prepares Node before the program is loaded. */
import { useCompileCache } from "./compile-cache.ts";
import { mapStackTraces } from "./stack-traces.ts";

useCompileCache(process.env);
mapStackTraces();
await import("./program.ts");
