/**
 * Every run leaves a CanaryRun. Recording never affects a rollout: turns do not wait for it, and a state that the API
 * server refuses is missing from the record, which counts it as a gap. A run costs one write when it begins, one for
 * each judged interval, one when it ends, and one for each action of a person. The states of one run are written in
 * order, the latest for all.
 */
import { deadline } from "../../async/deadline.ts";
import type { Cause } from "../../core/run/cause.ts";
import { canaryKey } from "../../core/spec/spec.ts";
import type { RunRef } from "../../core/status/canary.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Recorder, Turn } from "../../ports/recorder.ts";
import { createRunJournal } from "./journal.ts";
import { addExtra, addTurn, beginRecord, EMPTY_RECORD } from "./run-record.ts";
import { createRunWriter, type RunRecord, type RunWriterOptions } from "./writer.ts";

export interface RunRecorder extends Recorder {
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
}

/** Metric servers that do not answer hold up no record for longer. */
const ASK_MS = 10_000;

export interface RunRecorderOptions extends RunWriterOptions {
  readonly clock: Clock;
}

export function createRunRecorder(options: RunRecorderOptions): RunRecorder {
  const { clock, log, signal } = options;
  const records = new Map<string, RunRecord>();
  const asking = new Set<Promise<void>>();
  const write = createRunWriter(options);
  let writing: Promise<void> = Promise.resolve();

  function add(record: RunRecord, turn: Turn, cause: Cause | undefined): void {
    const isNew = record.status === EMPTY_RECORD;
    const before = record.status.endedAt;
    record.status = addTurn(record.status, turn, cause);
    record.journal.add(turn);
    record.dirty = true;
    const { askForTheRecord, transition } = turn;
    if (askForTheRecord !== undefined && !record.isOver) {
      const asked = askMore(record, turn, askForTheRecord).finally(() => asking.delete(asked));
      asking.add(asked);
      return;
    }
    const hasEnded = record.status.endedAt !== before;
    if (isNew || hasEnded || (transition.answered ?? []).length > 0) schedule(record);
  }

  function schedule(record: RunRecord): void {
    writing = writing.then(() => write(record));
  }

  async function askMore(record: RunRecord, turn: Turn, ask: NonNullable<Turn["askForTheRecord"]>): Promise<void> {
    const windowMs = Math.max(1000, turn.input.now - record.countedAt);
    record.countedAt = turn.input.now;
    const limit = deadline(clock, ASK_MS, signal);
    try {
      record.status = addExtra(record.status, turn, await ask({ windowMs }, limit.signal));
    } catch (error) {
      log.debug({ run: record.run.id, err: error }, "a record goes without what was asked for it");
    } finally {
      limit.clear();
    }
    schedule(record);
  }

  return {
    record(turn) {
      const { canary, input, transition } = turn;
      if (transition.status === input.status && transition.events.length === 0 && !transition.answered) return;
      const { run } = transition.status;
      const key = canaryKey(canary.ref);
      const before = records.get(key);
      if (before !== undefined && before.run.id !== run?.id) {
        if (before.status.endedAt === undefined) add(before, turn, transition.cause);
        records.delete(key);
      }
      if (run === undefined) return;
      const known = records.get(key);
      const isOver = input.status.cause !== undefined && transition.status.cause !== undefined;
      if (known === undefined && isOver && !transition.answered) return;
      const isNew = input.status.run?.id !== run.id;
      const record = known ?? beginning(turn, run, isNew, isOver);
      records.set(key, record);
      add(record, turn, transition.status.cause ?? (isNew ? undefined : transition.cause));
    },
    announce() {},
    forget(ref) {
      records.delete(canaryKey(ref));
    },
    async flush() {
      await Promise.all(asking);
      await writing;
    },
  };
}

function beginning(turn: Turn, run: RunRef, isNew: boolean, isOver: boolean): RunRecord {
  return {
    ...{ ref: turn.canary.ref, run, spec: beginRecord(turn, run), journal: createRunJournal() },
    ...{ status: EMPTY_RECORD, exists: false, dirty: false, isUnread: !isNew, isOver, countedAt: turn.input.now },
  };
}
