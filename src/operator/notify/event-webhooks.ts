/**
 * Posts every event to the event webhooks of its Canary, or else to the global one. The events of one Canary keep their
 * order. No turn waits for a post.
 */
import type { Dispatcher } from "undici";
import { dotted } from "../../core/spec/spec.ts";
import type { CanaryStatus } from "../../core/status/canary.ts";
import type { RolloutEvent } from "../../core/texts/events.ts";
import { hooksOf } from "../../core/turn/probes.ts";
import { callEventWebhook, type Hook } from "../../gates/call.ts";
import { webhookChecksum } from "../../go/hash/hash.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { EventSubject, Recorder } from "../../ports/recorder.ts";

export interface EventWebhookOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** For Canaries without hooks of their own; empty: none. */
  readonly globalUrl: string;
  readonly signal: AbortSignal;
  readonly dispatcher?: Dispatcher;
  readonly insecureDispatcher?: Dispatcher;
}

/** So many events of one Canary may wait for a slow webhook. Further events are dropped. */
const MOST_WAITING = 200;

export interface EventWebhooks extends Recorder {
  /** Resolves when every event so far was posted, or when `signal` is aborted. */
  flush(signal: AbortSignal): Promise<void>;
}

export function createEventWebhooks(options: EventWebhookOptions): EventWebhooks {
  const lanes = new Map<string, { tail: Promise<void>; waiting: number }>();
  const underWay = new Set<Promise<void>>();

  function hooksFor({ spec }: EventSubject): readonly Hook[] {
    const own: readonly Hook[] = spec === undefined ? [] : hooksOf(spec, "event");
    return own.length > 0 || options.globalUrl === "" ? own : [{ name: "events", url: options.globalUrl }];
  }

  async function post(canary: EventSubject, event: RolloutEvent, at: number, after?: CanaryStatus): Promise<void> {
    const { clock, signal, log, dispatcher, insecureDispatcher } = options;
    // The revision at the begin of the turn. The first revision is known only at the end of its turn.
    const applied = canary.status?.applied ?? after?.applied;
    const subject = {
      name: canary.ref.name,
      namespace: canary.ref.namespace,
      phase: event.phase,
      checksum: webhookChecksum(applied?.configs, applied?.spec ?? ""),
    };
    for (const hook of hooksFor(canary)) {
      const ports = {
        clock,
        signal,
        ...(dispatcher === undefined ? {} : { dispatcher }),
        ...(insecureDispatcher === undefined ? {} : { insecureDispatcher }),
      };
      const answer = await callEventWebhook(hook, subject, { message: event.message, type: event.type, at }, ports);
      if (answer.kind === "refused") log.error({ canary: dotted(canary.ref.name, canary.ref) }, answer.detail);
    }
  }

  function tell(canary: EventSubject, events: readonly RolloutEvent[], after?: CanaryStatus): void {
    if (events.length === 0 || hooksFor(canary).length === 0) return;
    const key = dotted(canary.ref.name, canary.ref);
    const lane = lanes.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
    lanes.set(key, lane);
    const at = options.clock.now();
    for (const event of events) {
      if (lane.waiting >= MOST_WAITING) {
        options.log.error({ canary: key }, `event webhook is too slow, dropping event: ${event.message}`);
        continue;
      }
      lane.waiting += 1;
      const posted = lane.tail
        .then(() => post(canary, event, at, after))
        .catch((error: unknown) => {
          if (!options.signal.aborted) options.log.error({ canary: key, err: error }, "event webhook failed");
        })
        .finally(() => {
          lane.waiting -= 1;
          underWay.delete(posted);
        });
      lane.tail = posted;
      underWay.add(posted);
    }
  }

  return {
    record: ({ canary, transition }) => tell(canary, transition.events, transition.status),
    announce: (about, event) => tell(about, [event]),
    forget: (ref) => void lanes.delete(dotted(ref.name, ref)),
    async flush(signal) {
      const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      await Promise.race([Promise.all(underWay), over]);
    },
  };
}
