/** Where everything is put together: reads the command line, finds the command, runs it. `main.ts` loads it. */
import { setMaxListeners } from "node:events";
import { runCommandLine, wordsOf } from "./cli/run.ts";

const stop = new AbortController();
// A command may make many requests at once, and each listens for the end.
setMaxListeners(0, stop.signal);
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    // The first asks, the second insists.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(new Error(name));
  });
}

// A program of the sandbox ends with the sandbox, however that ends: its stdin is the sandbox's end of a pipe.
if (process.env["AVIARY_PARENT_PIPE"] === "1") {
  process.stdin.on("end", () => process.exit(0));
  process.stdin.resume();
}

// The reader has seen enough (`aviary simulate | head`): nothing reads what would follow.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const code = await runCommandLine({
  argv: wordsOf(process.argv[1] ?? "", process.argv.slice(2)),
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: stop.signal,
});
/** What is written to a pipe waits for its reader; the end of the process would cut it off. */
const written = (stream: NodeJS.WriteStream) => new Promise<void>((resolve) => stream.write("", () => resolve()));
await Promise.all([written(process.stdout), written(process.stderr)]);
// A command has stopped what it started. Idle connections that it kept for reuse need not end first.
process.exit(code);
