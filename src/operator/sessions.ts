/**
 * What the operator keeps in memory of each Canary, beside its status: caches, and what was announced already. All of
 * it may be lost at any time. Each module has a slot in the Canary's session, and there is one way to forget: `forget`
 * drops the session as a whole, so that nothing of a deleted Canary stays.
 */
import { type CanaryRef, canaryKey } from "../core/spec/spec.ts";

/** One module's memory of each Canary. */
export interface Slot<T> {
  get(ref: CanaryRef): T | undefined;
  set(ref: CanaryRef, value: T): void;
  delete(ref: CanaryRef): void;
}

/** The memories of all Canaries. */
export interface Sessions {
  slot<T>(): Slot<T>;
  /** For a module whose memory is not a value of one Canary. @param forget called when a Canary is forgotten */
  onForget(forget: (ref: CanaryRef) => void): void;
  forget(ref: CanaryRef): void;
  /** How many Canaries have a session. */
  readonly size: number;
}

/** The values of one Canary, by slot. */
type CanarySession = Map<object, unknown>;

export function createSessions(): Sessions {
  const sessions = new Map<string, CanarySession>();
  const listeners: ((ref: CanaryRef) => void)[] = [];

  return {
    slot<T>(): Slot<T> {
      const slot: Slot<T> = {
        get: (ref) => sessions.get(canaryKey(ref))?.get(slot) as T | undefined,
        set(ref, value) {
          const session = sessions.get(canaryKey(ref)) ?? new Map<object, unknown>();
          sessions.set(canaryKey(ref), session.set(slot, value));
        },
        delete(ref) {
          const session = sessions.get(canaryKey(ref));
          session?.delete(slot);
          if (session?.size === 0) sessions.delete(canaryKey(ref));
        },
      };
      return slot;
    },
    onForget: (forget) => void listeners.push(forget),
    forget(ref) {
      sessions.delete(canaryKey(ref));
      for (const forget of listeners) forget(ref);
    },
    get size() {
      return sessions.size;
    },
  };
}
