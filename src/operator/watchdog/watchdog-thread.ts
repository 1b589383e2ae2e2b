/**
 * The watchdog's own thread, see watchdog.ts. Everything in here is synchronous or short: the process is about to end.
 */
import { writeSync } from "node:fs";
import { type Debugger, type Runtime, Session } from "node:inspector";
import { workerData } from "node:worker_threads";
import { errorText } from "../../error-text.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { addStrike, readQuarantine, writeQuarantine } from "./quarantine.ts";
import { UNDER_WAY } from "./under-way.ts";
import type { WatchdogData } from "./watchdog.ts";

const LOOK_MS = 1_000;
/** Native code cannot be paused. Then nothing can tell whose turn it is. */
const PAUSE_MS = 5_000;
const FRAMES = 6;
const STDERR = 2;

const { beats, file, patience } = workerData as WatchdogData;
const counter = new Int32Array(beats);
let last = Atomics.load(counter, 0);
let silent = 0;

setInterval(() => {
  const now = Atomics.load(counter, 0);
  silent = now === last ? silent + 1 : 0;
  last = now;
  if (silent === patience) accuse();
}, LOOK_MS);

/** Pauses the main thread and asks whose turn it takes. */
function accuse(): void {
  const session = new Session();
  session.connectToMainThread();
  const giveUp = setTimeout(() => end("", "native code"), PAUSE_MS);
  const files = new Map<string, string>();
  session.on("Debugger.scriptParsed", ({ params }) => void files.set(params.scriptId, params.url));
  session.on("Debugger.paused", ({ params }) => {
    clearTimeout(giveUp);
    const [frame] = params.callFrames;
    const where = params.callFrames
      .slice(0, FRAMES)
      .map((frame) => nameOf(frame, files))
      .join(" < ");
    if (frame === undefined) return end("", where);
    const question = { callFrameId: frame.callFrameId, expression: `globalThis.${UNDER_WAY}()`, returnByValue: true };
    session.post("Debugger.evaluateOnCallFrame", question, (error, answer) => {
      const result = error === null && answer !== undefined && "result" in answer ? answer.result : undefined;
      const canary: unknown = (result as Runtime.RemoteObject | undefined)?.value;
      end(typeof canary === "string" ? canary : "", where);
    });
  });
  session.post("Debugger.enable");
  session.post("Debugger.pause");
}

function nameOf({ functionName, location }: Debugger.CallFrame, files: ReadonlyMap<string, string>): string {
  const url = files.get(location.scriptId) ?? "";
  const place = `${url.split("/").slice(-2).join("/")}:${location.lineNumber + 1}`;
  return functionName === "" ? place : `${functionName} (${place})`;
}

/**
 * Writes the Canary into the quarantine file, logs it, and ends the process at once, because the main thread can do
 * nothing any more.
 */
function end(canary: string, where: string): void {
  const who = canary === "" ? "unknown code" : `a turn of Canary ${canary}`;
  let note = "";
  try {
    if (canary !== "") writeQuarantine(file, addStrike(readQuarantine(file, SILENT_LOG), canary, where, Date.now()));
  } catch (error) {
    note = `; it could not be put into quarantine: ${errorText(error)}`;
  }
  const msg = `the event loop is blocked by ${who} for ${patience} s at ${where}: the operator ends${note}`;
  writeSync(STDERR, `${JSON.stringify({ level: "fatal", ts: new Date().toISOString(), canary, msg })}\n`);
  process.kill(process.pid, "SIGKILL");
}
