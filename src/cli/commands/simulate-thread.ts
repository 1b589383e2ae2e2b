/** A thread of `aviary simulate`: it runs one share at a time, see simulate-threads.ts. */
import { parentPort } from "node:worker_threads";
import { runShare, type Share } from "../../simulate/shares.ts";
import { mapStackTraces } from "../../stack-traces.ts";

mapStackTraces();
const stop = new AbortController();
parentPort?.on("message", async (asked: Share | "stop") => {
  if (asked === "stop") stop.abort();
  else parentPort?.postMessage(await runShare(asked, stop.signal));
});
