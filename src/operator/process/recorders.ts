/** Combines recorders to one. A recorder that throws affects neither the turn nor the other recorders. */
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";

export function combineRecorders(recorders: readonly Recorder[], log: Log): Recorder {
  const each = (call: (recorder: Recorder) => void): void => {
    for (const recorder of recorders) {
      try {
        call(recorder);
      } catch (error) {
        log.error({ err: error }, "a recorder failed");
      }
    }
  };
  return {
    record: (turn) => each((recorder) => recorder.record(turn)),
    announce: (about, event) => each((recorder) => recorder.announce(about, event)),
    forget: (ref) => each((recorder) => recorder.forget(ref)),
  };
}
