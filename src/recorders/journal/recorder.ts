/** Every turn that changed something as one JSON line: enough to replay it (`test/histories`). */
import { appendFile } from "node:fs/promises";
import { show } from "../../net/show.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";

export interface Journal extends Recorder {
  /** Resolves when everything recorded so far is written. */
  flush(): Promise<void>;
}

/** Specs contain addresses and metadata of webhooks, which only the operator may read. */
const OWNER_ONLY = 0o600;

/** Addresses are written without user, password and query: no decision depends on these. */
function shown(_key: string, value: unknown): unknown {
  return typeof value === "string" && /^https?:\/\//i.test(value) ? show(value) : value;
}

/** @param file created when missing, appended to otherwise */
export function createJournal(file: string, log: Log): Journal {
  let pending: string[] = [];
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const lines = pending;
    pending = [];
    if (lines.length === 0) return;
    try {
      await appendFile(file, lines.join(""), { mode: OWNER_ONLY });
    } catch (error) {
      log.error({ err: error, file }, "the journal cannot be written, turns are not recorded there");
    }
  }

  return {
    record({ input, transition }) {
      if (transition.status === input.status && transition.events.length === 0) return;
      pending.push(`${JSON.stringify({ input, transition }, shown)}\n`);
      writing = writing.then(write);
    },
    announce() {},
    forget() {},
    flush: () => writing,
  };
}
