/** Writes the records of runs to the API server, and deletes those that are too old. */

import type { RunRecordSpec, RunRecordStatus } from "../../core/record/run-record.ts";
import type { CanaryRef } from "../../core/spec/spec.ts";
import type { RunRef } from "../../core/status/canary.ts";
import { isNotFound, type KubeReader, type KubeWriter } from "../../ports/kube.ts";
import { apiVersionOf, type KubeFields, type ObjectRef } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import { CANARY_LABEL, canaryLabel, canarySelector, STEERING, VERDICT_LABEL } from "../../ports/steering.ts";
import type { RunJournal } from "./journal.ts";
import { DEFAULT_RETENTION, datedPart, outdated, type Retention } from "./retention.ts";
import { goneOn } from "./run-record.ts";

export interface RunWriterOptions {
  readonly client: Pick<KubeReader, "get" | "list"> & Pick<KubeWriter, "create" | "mergePatch" | "delete">;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly keep?: Retention;
}

export interface RunRecord {
  readonly ref: CanaryRef;
  readonly run: RunRef;
  readonly spec: RunRecordSpec;
  readonly journal: RunJournal;
  status: RunRecordStatus;
  /** The object exists, as far as is known. */
  exists: boolean;
  dirty: boolean;
  /** An operator before this one may have begun the record. */
  isUnread: boolean;
  /** The run was over before it was looked at: nothing but what people do is added. */
  readonly isOver: boolean;
  /** When requests were counted last, milliseconds since the epoch. */
  countedAt: number;
}

const SWEEP_MS = 3_600_000;

/** @returns writes one record as it is by then; what cannot be written is a gap in the record */
export function createRunWriter(options: RunWriterOptions): (record: RunRecord) => Promise<void> {
  const { client, log, signal } = options;
  const tidy = createTidy(options);
  let isAbsent = false;

  async function write(record: RunRecord): Promise<void> {
    if (!record.dirty || isAbsent || signal.aborted) return;
    record.dirty = false;
    const { ref, run } = record;
    const target: ObjectRef = { type: STEERING.run, namespace: ref.namespace, name: run.id };
    try {
      if (record.isUnread) await readOn(record, target);
      if (record.isOver && !record.exists) return;
      const { status } = record;
      const labels = { [CANARY_LABEL]: canaryLabel(ref.name), [VERDICT_LABEL]: status.verdict };
      const journal = record.isOver ? {} : { journal: record.journal.packed() ?? null };
      const written = { metadata: { labels }, status: { ...status, ...journal } };
      if (record.exists) await client.mergePatch(target, written, {}, signal);
      else await create(record, written);
      record.exists = true;
    } catch (error) {
      // The kind is not installed: nothing is recorded, and that is no trouble.
      if (isNotFound(error) && !record.exists) isAbsent = true;
      else if (!signal.aborted) log.warn({ run: `${run.id}.${ref.namespace}`, err: error }, "a run cannot be recorded");
      record.status = { ...record.status, gaps: record.status.gaps + 1 };
    }
  }

  /** An operator before this one began the record: it goes on, with a gap. */
  async function readOn(record: RunRecord, target: ObjectRef): Promise<void> {
    const found = await client.get(target, signal);
    record.isUnread = false;
    record.exists = found !== undefined;
    const before = found?.["status"] as (RunRecordStatus & { readonly journal?: string }) | undefined;
    if (before === undefined) return;
    record.journal.continue(before.journal);
    record.status = goneOn(before, record.status);
  }

  async function create({ ref, run, spec }: RunRecord, { metadata, status }: KubeFields): Promise<void> {
    const { kind } = STEERING.run;
    const named = { name: run.id, namespace: ref.namespace, ...metadata };
    await client.create(
      STEERING.run,
      { apiVersion: apiVersionOf(STEERING.run), kind, metadata: named, spec, status },
      signal,
    );
    // Records outlive their Canary: people may ask what happened after the Canary is gone.
    await tidy(ref, run.startedAt);
  }

  return write;
}

/**
 * Whole runs go. Those of other Canaries of the namespace, which may be gone themselves, are looked at now and then.
 */
function createTidy({ client, signal, keep = DEFAULT_RETENTION }: RunWriterOptions) {
  const sweptAt = new Map<string, number>();
  return async ({ namespace, name }: CanaryRef, now: number): Promise<void> => {
    const isDue = now - (sweptAt.get(namespace) ?? 0) >= SWEEP_MS;
    if (isDue) sweptAt.set(namespace, now);
    const labelSelector = canarySelector(name);
    const selected = isDue ? {} : { labelSelector };
    const runs = await client.list(STEERING.run, namespace, { ...selected, part: datedPart }, signal);
    for (const run of outdated(runs, keep, now)) {
      await client.delete({ type: STEERING.run, namespace, name: run.metadata.name }, {}, signal);
    }
  };
}
