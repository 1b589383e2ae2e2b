/**
 * Leader election on a coordination.k8s.io Lease, in the format of client-go, so that Flagger and Aviary can compete
 * for the same Lease during an upgrade.
 *
 *   follower ──(the lease has no holder, or the holder has not renewed it for its duration)──► write it: leader
 *   leader   ──(renewed every retryMs)──► ... ──(not renewed for renewMs, or taken)──► lost: stop all work
 *
 * Time is measured from when *this process* saw the last renewal, never from the times in the Lease: clocks differ.
 * A follower watches the Lease, so it takes a released one over at once.
 */

import { withDeadline } from "../async/back-off.ts";
import { errorText } from "../error-text.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { isAlreadyExists, isConflict, type KubeReader, type KubeWriter, type ObjectCache } from "../ports/kube.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { Log } from "../ports/log.ts";
import type { WatchPorts } from "./reflector.ts";
import { startWatchCache } from "./watch-cache.ts";

export interface LeaseOptions {
  readonly client: KubeReader & KubeWriter;
  /** Watches the Lease, see `watchLease`. It only wakes followers, so it may lag. */
  readonly cache: ObjectCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace: string;
  readonly name: string;
  /** `<hostname>_<uuid>` */
  readonly identity: string;
  readonly timing?: LeaseTiming;
}

export interface LeaseTiming {
  /** Another operator takes the lease over when it was not renewed for this long; whole seconds. */
  readonly durationMs: number;
  /**
   * The leader steps down when it could not renew for this long; less than durationMs, so that there are never two
   * leaders.
   */
  readonly renewMs: number;
  /** Between two attempts. */
  readonly retryMs: number;
}

/**
 * Flagger's values, except the duration: Flagger's 60 seconds would leave every rollout alone for a minute after a
 * leader is killed. Each side waits at least as long as the holder asks for, so both can compete for one Lease.
 */
export const LEASE_TIMING: LeaseTiming = { durationMs: 20_000, renewMs: 15_000, retryMs: 5000 };

/** Watches one Lease, for `LeaseOptions.cache`. */
export function watchLease(ports: WatchPorts, namespace: string, name: string, signal: AbortSignal): ObjectCache {
  return startWatchCache({ type: RESOURCES.lease, namespace, fieldSelector: `metadata.name=${name}` }, ports, signal);
}

export type LeaseEnd = "released" | "lost";

/**
 * Waits for leadership, then runs `lead` with a signal that is aborted when leadership is lost or `signal` is aborted.
 * Releases the lease once `lead` has ended, so that the next leader need not wait.
 * @returns "lost" when another operator may lead now: the caller must stop; "released" after `signal` or when `lead`
 *   ended
 * @throws what `lead` throws, after the release
 */
export async function leadWithLease(
  options: LeaseOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<LeaseEnd> {
  const timing = options.timing ?? LEASE_TIMING;
  const candidate = createCandidate(options, timing);
  try {
    if (!(await candidate.acquire(signal))) {
      candidate.stopTimers();
      return "released";
    }
  } finally {
    candidate.stopFollowing();
  }
  const term = new AbortController();
  const end = () => term.abort(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  let lost = false;
  const renewing = candidate.renewUntilLost(term.signal).then((outcome) => {
    lost = outcome === "lost";
    term.abort(new Error(`leadership of ${options.name} was lost`));
  });
  try {
    await lead(term.signal);
  } finally {
    signal.removeEventListener("abort", end);
    term.abort(new Error("done"));
    await renewing;
    if (!lost) await release(options, timing);
    candidate.stopTimers();
  }
  return lost ? "lost" : "released";
}

/** The Lease as last seen. Sleeping, not reading the clock, measures its age. */
function createObserver({ clock, identity, log }: LeaseOptions, timing: LeaseTiming, onExpiry: () => void) {
  let version = "";
  /** Called for each new version: it cancels the expiry of the version before. */
  let renewed = () => {};
  let expired = false;
  let holder: string | undefined;
  return {
    /** True when the holder did not renew the lease for its duration. */
    expired: () => expired,
    holder: () => holder,
    stop: () => renewed(),
    /** Records the Lease; a new version is a sign of life. */
    saw(lease: KubeObject): void {
      const seen = lease.metadata.resourceVersion ?? "";
      if (seen === version) return;
      version = seen;
      renewed();
      expired = false;
      const holderMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000 || timing.durationMs;
      renewed = clock.after(holderMs, () => {
        expired = true;
        onExpiry();
      });
      const before = holder;
      holder = lease.spec?.holderIdentity ?? "";
      if (holder !== "" && holder !== before && holder !== identity) {
        log.info({}, `Another instance has been elected as leader: ${holder}`);
      }
    },
  };
}

function createCandidate(options: LeaseOptions, timing: LeaseTiming) {
  const { client, clock, identity, log, name, namespace } = options;
  const ref: ObjectRef = { type: RESOURCES.lease, namespace, name };
  let wake = () => {};
  const observer = createObserver(options, timing, () => wake());
  const stopFollowing = options.cache.onChange(({ type, object }) => {
    // Ignore renewals; react when the lease is deleted or released.
    if (type === "deleted" || (object.spec?.holderIdentity ?? "") === "") wake();
  });

  /** Reads, decides, writes. @returns whether this process holds the lease now @throws KubeError */
  async function attempt(signal: AbortSignal): Promise<boolean> {
    const seen = await client.get(ref, signal);
    if (seen !== undefined) observer.saw(seen);
    const holder = seen?.spec?.holderIdentity ?? "";
    if (holder !== "" && holder !== identity && !observer.expired()) return false;
    try {
      const written =
        seen === undefined
          ? await client.create(ref.type, claim(options, timing, undefined), signal)
          : await client.replace(ref.type, claim(options, timing, seen), {}, signal);
      observer.saw(written);
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error)) return false; // another operator was faster
      throw error;
    }
  }

  /** Each attempt has `retryMs`; an error is logged and counts as not held. */
  async function tryOnce(signal: AbortSignal): Promise<boolean> {
    try {
      return await withDeadline(clock, timing.retryMs, signal, (deadline) => attempt(deadline.signal));
    } catch (error) {
      signal.throwIfAborted();
      const text = errorText(error);
      log.warn({ lease: `${namespace}/${name}`, error: text }, "cannot get or renew the leader election lease");
      return false;
    }
  }

  /** Waits until the lease changes or the next attempt is due. */
  async function pause(signal: AbortSignal): Promise<void> {
    const nap = new AbortController();
    const abort = () => nap.abort();
    signal.addEventListener("abort", abort, { once: true });
    wake = abort;
    // Contenders try at different times, so that they do not collide every time.
    await clock.sleep(timing.retryMs * (1 + options.random() * 0.2), nap.signal).catch(() => undefined);
    wake = () => {};
    signal.removeEventListener("abort", abort);
  }

  return {
    stopFollowing,
    stopTimers: observer.stop,
    /** @returns false when `signal` was aborted first */
    async acquire(signal: AbortSignal): Promise<boolean> {
      while (!signal.aborted) {
        const won = await tryOnce(signal).catch(() => false);
        if (won) return true;
        if (!signal.aborted) await pause(signal);
      }
      return false;
    },
    /**
     * Resolves with "lost" when the lease was not renewed in time or has another holder, with "ended" after `signal`.
     */
    async renewUntilLost(signal: AbortSignal): Promise<"lost" | "ended"> {
      for (;;) {
        try {
          await clock.sleep(timing.retryMs, signal);
          await withDeadline(clock, timing.renewMs - timing.retryMs, signal, async (deadline) => {
            while (!(await tryOnce(deadline.signal))) {
              if (observer.holder() !== identity) throw new Error(`"${observer.holder()}" has the lease`);
              await clock.sleep(timing.retryMs / 5, deadline.signal);
            }
          });
        } catch (error) {
          if (signal.aborted) return "ended";
          const text = errorText(error);
          log.error({ lease: `${namespace}/${name}`, error: text }, "leadership lost");
          return "lost";
        }
      }
    },
  };
}

/** Removes the holder from the lease as client-go does, so that others need not wait until it expires. Best effort. */
async function release(options: LeaseOptions, timing: LeaseTiming): Promise<void> {
  const { clock, log, namespace, name } = options;
  const notAborted = new AbortController().signal;
  try {
    await withDeadline(clock, timing.retryMs, notAborted, async ({ signal }) => {
      while (!(await takeNameOff(options, signal)));
    });
  } catch (error) {
    const text = errorText(error);
    log.warn({ lease: `${namespace}/${name}`, error: text }, "cannot release the leader election lease");
  }
}

/** @returns false when a late renewal of this process came in between @throws KubeError */
async function takeNameOff({ client, clock, identity, namespace, name }: LeaseOptions, signal: AbortSignal) {
  const lease = await client.get({ type: RESOURCES.lease, namespace, name }, signal);
  if (lease?.spec?.holderIdentity !== identity) return true;
  const now = microTime(clock.now());
  const { holderIdentity: _, ...rest } = lease.spec;
  const spec = { ...rest, leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
  try {
    await client.replace(RESOURCES.lease, { ...lease, spec }, {}, signal);
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** The Lease with this process as its holder. */
function claim(options: LeaseOptions, timing: LeaseTiming, lease: KubeObject | undefined): KubeObject {
  const { name, namespace, identity } = options;
  const now = microTime(options.clock.now());
  const old = lease?.spec ?? {};
  const mine = old.holderIdentity === identity;
  const spec = {
    ...old,
    holderIdentity: identity,
    leaseDurationSeconds: Math.round(timing.durationMs / 1000),
    acquireTime: mine ? (old.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: lease === undefined ? 0 : (old.leaseTransitions ?? 0) + (mine ? 0 : 1),
  };
  const fresh = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace } };
  return { ...(lease ?? fresh), spec };
}

/** metav1.MicroTime: always six digits, which Go insists on. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.(\d{3})Z$/, ".$1000Z");
}
