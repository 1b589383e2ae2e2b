/** Every event as a log line, under the Canary's name. Warnings are info, as in the original; errors are errors. */
import { dotted } from "../../core/canary.ts";
import type { RolloutEvent } from "../../core/events.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";

export function createLogRecorder(log: Log): Recorder {
  const say = (canary: string, { error, message }: RolloutEvent) =>
    error === true ? log.error({ canary }, message) : log.info({ canary }, message);
  return {
    record({ canary, transition }) {
      for (const event of transition.events) say(dotted(canary.ref.name, canary.ref), event);
    },
    say: ({ ref }, event) => say(dotted(ref.name, ref), event),
    forget: (ref) => log.info({}, `Deleting ${dotted(ref.name, ref)} from cache`),
  };
}
