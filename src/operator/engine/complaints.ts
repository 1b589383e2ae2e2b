/**
 * Events and log lines about failed turns. An error is announced once on its Canary, and again only after a turn has
 * succeeded or failed for another reason. An error without words for users is announced when it lasts. A kind that the
 * operator may not read is announced once in each namespace, because no single Canary causes it.
 */
import { type CanaryRef, canaryKey } from "../../core/spec/spec.ts";
import { errorText } from "../../error-text.ts";
import { isAlreadyExists, isConflict, isNotFound, KubeError } from "../../ports/kube.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";
import type { CanaryStore } from "../../ports/store.ts";
import { type Fight, fightText } from "../cluster/fights.ts";
import { ReadFailure } from "../cluster/read-failure.ts";
import { WriteFailure } from "../cluster/write.ts";
import type { Sessions } from "../sessions.ts";
import { canaryRef } from "./follow.ts";

export interface Complaints {
  /** A turn failed and is taken again after `retryMs`. */
  failed(key: string, error: unknown, retryMs: number): void;
  /** A turn waits for a cache that cannot be filled. */
  unreadable(key: string, failure: ReadFailure): void;
  /** Another writer changes an object of the Canary again and again. */
  fought(canary: CanaryRef, fight: Fight): void;
  /** The Canary is in quarantine, because a turn of it blocked the operator. */
  quarantined(key: string, held: { readonly until: number; readonly where: string }): void;
  /** Only a sketch of the Canary is in memory, because its namespace stores too much. */
  leftOut(key: string, why: string): void;
  /** A turn succeeded, or the Canary is gone. */
  settled(key: string): void;
}

export function createComplaints(
  log: Log,
  store: Pick<CanaryStore, "load">,
  recorder: Recorder,
  sessions: Sessions,
): Complaints {
  /** The last complaint, and whether users were told. */
  const last = sessions.slot<{ readonly message: string; readonly said: boolean }>();
  /** Messages about kinds that cannot be read, and the namespaces in which each was announced. */
  const announced = new Map<string, Set<string>>();

  function announce(key: string, message: string, reason: "WriteFailed" | "Fight" = "WriteFailed"): void {
    const loaded = store.load(canaryRef(key));
    if (loaded === undefined) return;
    const about = loaded.kind === "canary" ? loaded.canary : loaded;
    const phase = loaded.kind === "canary" ? loaded.canary.status.phase : "";
    recorder.announce(about, { type: "Warning", reason, message, phase });
  }

  function announceOnce(key: string, message: string): void {
    if (last.get(canaryRef(key))?.message === message) return;
    last.set(canaryRef(key), { message, said: true });
    announce(key, message);
  }

  return {
    failed(key, error, retryMs) {
      const cause = error instanceof WriteFailure ? error.refusal : error;
      const ref = canaryRef(key);
      const { namespace, name } = ref;
      const fields = { canary: `${name}.${namespace}`, retryMs };
      // "Not found" is about the Canary itself, which was deleted during its turn. Any other missing object is a
      // WriteFailure.
      if (isConflict(cause) || isAlreadyExists(cause) || isNotFound(error)) {
        log.debug(fields, "another client wrote meanwhile, looking again");
        return;
      }
      const message = errorText(error);
      const before = last.get(ref);
      const same = before?.message === message ? before : undefined;
      if (same === undefined) log.error({ ...fields, err: error }, `turn failed: ${message}`);
      else log.debug(fields, `turn failed again: ${message}`);
      const isForeseen = error instanceof WriteFailure || error instanceof ReadFailure;
      // Without words for users it may be an error of a moment, which is over by the next turn.
      const isDue = isForeseen ? same === undefined : same?.said === false && !(error instanceof KubeError);
      last.set(ref, { message, said: isForeseen || isDue || same?.said === true });
      if (isDue)
        announce(key, isForeseen ? message : `nothing is done for this Canary, because its turns fail: ${message}`);
    },
    unreadable(key, { message, filled }) {
      const { namespace } = canaryRef(key);
      const known = announced.get(message);
      const namespaces = known ?? new Set();
      if (known === undefined) {
        announced.set(message, namespaces);
        log.error({}, message);
        const forget = () => void announced.delete(message);
        void filled?.then(forget, forget);
      }
      if (namespaces.has(namespace)) return;
      namespaces.add(namespace);
      announce(key, message);
    },
    fought(canary, fight) {
      const message = fightText(fight);
      log.warn({ canary: `${canary.name}.${canary.namespace}` }, message);
      announce(canaryKey(canary), message, "Fight");
    },
    quarantined(key, { until, where }) {
      const message =
        `a turn of this Canary blocked the operator at ${where}: it is left alone until ` +
        `${new Date(until).toISOString()} or until its spec is changed; look at its queries, templates and sizes`;
      announceOnce(key, message);
    },
    leftOut: (key, why) => announceOnce(key, `this Canary is left alone: ${why}`),
    settled: (key) => last.delete(canaryRef(key)),
  };
}
