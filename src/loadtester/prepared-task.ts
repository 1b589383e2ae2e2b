/** What a task is once its payload is read, and what it needs of the process. */
import type { Log } from "../ports/log.ts";
import type { CommandPorts } from "./commands.ts";
import type { QueuedTask } from "./queue.ts";

export type PreparedTask =
  /** Answered 202 at once. */
  | { readonly kind: "queued"; readonly task: QueuedTask }
  /** Answered when it is done: 200 with the output if asked for, or 500 with `failure`. */
  | {
      readonly kind: "awaited";
      readonly run: (signal: AbortSignal) => Promise<{ readonly output: string; readonly failure?: string }>;
    }
  /** Answered 400 with the text. */
  | { readonly kind: "invalid"; readonly message: string };

export interface TaskPorts extends CommandPorts {
  readonly log: Log;
}
