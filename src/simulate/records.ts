/**
 * The CanaryRuns of a simulated cluster, kept apart from its other objects: what happens to them must change nothing
 * else.
 */

import { KubeError } from "../ports/kube.ts";
import type { KubeFields, KubeObject, ObjectRef } from "../ports/kubernetes.ts";
import type { RunWriterOptions } from "../recorders/runs/writer.ts";
import type { Schedule } from "./schedule.ts";

/** What the API server does with CanaryRuns. */
export type RecordsFate = "kept" | "refused" | "unanswered" | "not-installed";

export interface Records {
  readonly client: RunWriterOptions["client"];
  readonly runs: ReadonlyMap<string, KubeObject>;
}

const CALL_MS = 5;

export function createRecords(fate: RecordsFate, schedule: Schedule): Records {
  const runs = new Map<string, KubeObject>();
  const call = <T>(effect: () => T) =>
    new Promise<T>((resolve, reject) => {
      if (fate === "unanswered") return;
      schedule.after(CALL_MS, () => {
        if (fate === "refused") reject(new KubeError(403, "Forbidden", "canaryruns is forbidden"));
        else if (fate === "not-installed") reject(new KubeError(404, "NotFound", "no such kind"));
        else resolve(effect());
      });
    });
  const keep = (object: KubeObject) => {
    runs.set(object.metadata.name, object);
    return object;
  };
  return {
    runs,
    client: {
      get: ({ name }) => call(() => runs.get(name)),
      list: () => call(() => [...runs.values()]),
      create: (_type, object) => call(() => keep(object)),
      mergePatch: (ref: ObjectRef, patch: KubeFields) =>
        call(() => {
          const before = runs.get(ref.name);
          if (before === undefined) throw new KubeError(404, "NotFound", ref.name);
          return keep({ ...before, ...patch, metadata: { ...before.metadata, ...patch.metadata } });
        }),
      delete: ({ name }) => call(() => runs.delete(name)),
    },
  };
}
