/**
 * Every event as a log line, under the Canary's name. Warnings have level info, as in Flagger; errors have level error.
 */

import { changedConfigs } from "../../core/run/change.ts";
import { dotted } from "../../core/spec/spec.ts";
import type { CanaryStatus } from "../../core/status/canary.ts";
import type { RolloutEvent } from "../../core/texts/events.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";

export function createLogRecorder(log: Log): Recorder {
  const line = (canary: string, { error, message }: RolloutEvent) =>
    error === true ? log.error({ canary }, message) : log.info({ canary }, message);
  return {
    record({ canary, transition }) {
      const name = dotted(canary.ref.name, canary.ref);
      for (const config of newConfigs(canary.status, transition.status)) {
        log.info({ canary: name }, `${config.replace("/", " ")} has changed`);
      }
      for (const event of transition.events) line(name, event);
    },
    announce: ({ ref }, event) => line(dotted(ref.name, ref), event),
    forget: (ref) => log.info({}, `Deleting ${dotted(ref.name, ref)} from cache`),
  };
}

/** Events report a new revision; only the log says which config made it new. */
function newConfigs(before: CanaryStatus, after: CanaryStatus): readonly string[] {
  if (before.applied === undefined || before.applied === after.applied) return [];
  return changedConfigs(before.applied.configs, after.applied?.configs);
}
