/**
 * Every run leaves a CanaryRun. Recording never affects a rollout: turns do not wait for it, and a state that the API server
 * refuses is missing from the record, which counts it as a gap. The states of one run are written in order, the latest for all.
 */
import type { CanaryRef } from "../../core/canary.ts";
import type { Cause } from "../../core/cause.ts";
import type { RunRecordSpec, RunRecordStatus } from "../../core/run-record.ts";
import type { RunRef } from "../../core/steering.ts";
import { isNotFound, type KubeReader, type KubeWriter } from "../../ports/kube.ts";
import { apiVersionOf, type KubeFields, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder, Turn } from "../../ports/recorder.ts";
import { CANARY_LABEL, STEERING, VERDICT_LABEL } from "../../ports/steering.ts";
import { addTurn, beginRecord, EMPTY_RECORD } from "./run-record.ts";

export interface RunRecorder extends Recorder {
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
}

export interface RunRecorderOptions {
  readonly client: Pick<KubeReader, "get" | "list"> & Pick<KubeWriter, "create" | "mergePatch" | "delete">;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface Record {
  readonly ref: CanaryRef;
  readonly canaryUid: string;
  readonly run: RunRef;
  readonly spec: RunRecordSpec;
  status: RunRecordStatus;
  /** Whether the object exists, as far as the recorder knows. */
  exists: boolean;
  dirty: boolean;
  /** A previous operator may have begun the record. */
  isUnread: boolean;
}

/** Per Canary. */
export const KEPT_RUNS = 20;

export function createRunRecorder({ client, log, signal }: RunRecorderOptions): RunRecorder {
  const records = new Map<string, Record>();
  let writing: Promise<void> = Promise.resolve();
  let isAbsent = false;
  const keyOf = ({ namespace, name }: CanaryRef) => `${namespace}/${name}`;

  function add(record: Record, turn: Turn, cause: Cause | undefined): void {
    record.status = addTurn(record.status, turn, cause);
    record.dirty = true;
    writing = writing.then(() => write(record));
  }

  async function write(record: Record): Promise<void> {
    if (!record.dirty || isAbsent || signal.aborted) return;
    record.dirty = false;
    const { ref, run } = record;
    const target: ObjectRef = { type: STEERING.run, namespace: ref.namespace, name: run.id };
    try {
      if (record.isUnread) await readOn(record, target);
      const { status } = record;
      const labels = { [CANARY_LABEL]: ref.name.slice(0, 63), [VERDICT_LABEL]: status.verdict };
      if (record.exists) await client.mergePatch(target, { metadata: { labels }, status }, {}, signal);
      else await create(record, labels);
      record.exists = true;
    } catch (error) {
      // The kind is not installed: nothing is recorded, and nothing is reported.
      if (isNotFound(error) && !record.exists) isAbsent = true;
      else if (!signal.aborted) log.warn({ run: `${run.id}.${ref.namespace}`, err: error }, "a run cannot be recorded");
      record.status = { ...record.status, gaps: record.status.gaps + 1 };
    }
  }

  /** A previous operator began the record: it is continued, with a gap. */
  async function readOn(record: Record, target: ObjectRef): Promise<void> {
    const found = await client.get(target, signal);
    record.isUnread = false;
    record.exists = found !== undefined;
    const before = found?.["status"] as RunRecordStatus | undefined;
    if (before === undefined) return;
    const { status } = record;
    record.status = {
      ...status,
      gaps: before.gaps + 1,
      checks: [...before.checks, ...status.checks],
      timeline: [...before.timeline, ...status.timeline],
      people: [...before.people, ...status.people],
    };
  }

  async function create({ ref, canaryUid, run, spec, status }: Record, labels: KubeFields): Promise<void> {
    const { kind } = RESOURCES.canary;
    const owner = { apiVersion: apiVersionOf(RESOURCES.canary), kind, name: ref.name, uid: canaryUid };
    const metadata = { name: run.id, namespace: ref.namespace, labels, ownerReferences: [owner] };
    const object = { apiVersion: apiVersionOf(STEERING.run), kind: STEERING.run.kind, metadata, spec, status };
    await client.create(STEERING.run, object, signal);
    await tidy(ref, client, signal);
  }

  return {
    record(turn) {
      const { canary, input, transition } = turn;
      if (transition.status === input.status && transition.events.length === 0 && !transition.answered) return;
      const { run } = transition.status;
      const key = keyOf(canary.ref);
      const before = records.get(key);
      if (before !== undefined && before.run.id !== run?.id) {
        if (before.status.endedAt === undefined) add(before, turn, transition.cause);
        records.delete(key);
      }
      if (run === undefined) return;
      const known = records.get(key);
      if (known === undefined && input.status.cause !== undefined && transition.status.cause !== undefined) return;
      const isNew = input.status.run?.id !== run.id;
      const record = known ?? {
        ...{ ref: canary.ref, canaryUid: canary.uid, run, spec: beginRecord(turn, run) },
        ...{ status: EMPTY_RECORD, exists: false, dirty: false, isUnread: !isNew },
      };
      records.set(key, record);
      add(record, turn, transition.status.cause ?? (isNew ? undefined : transition.cause));
    },
    say() {},
    forget(ref) {
      records.delete(keyOf(ref));
    },
    flush: () => writing,
  };
}

/** Deletes whole runs, the oldest first. */
async function tidy(
  { namespace, name }: CanaryRef,
  client: RunRecorderOptions["client"],
  signal: AbortSignal,
): Promise<void> {
  const labelSelector = `${CANARY_LABEL}=${name.slice(0, 63)}`;
  const runs = await client.list(STEERING.run, namespace, { labelSelector }, signal);
  const started = ({ spec }: KubeFields): string => spec?.startedAt ?? "";
  const old = [...runs].sort((one, other) => (started(one) < started(other) ? 1 : -1)).slice(KEPT_RUNS);
  for (const run of old) {
    await client.delete({ type: STEERING.run, namespace, name: run.metadata.name }, {}, signal);
  }
}
