/** The recorder that turns the engine's events into Kubernetes Events about the Canary. */
import type { RolloutEvent } from "../../core/texts/events.ts";
import { apiVersionOf, RESOURCES } from "../../ports/kubernetes.ts";
import type { EventSubject, Recorder } from "../../ports/recorder.ts";
import type { KubeEvents } from "./kube-events.ts";

export { createKubeEvents, type KubeEvents } from "./kube-events.ts";

/** The creator of `events` must flush it. */
export function kubeEventsRecorder(events: KubeEvents): Recorder {
  const post = (
    about: Pick<EventSubject, "ref" | "uid" | "resourceVersion" | "status">,
    { type, message }: RolloutEvent,
  ) => {
    const { ref, uid, resourceVersion } = about;
    const { kind } = RESOURCES.canary;
    const object = { apiVersion: apiVersionOf(RESOURCES.canary), kind, ...ref, uid, resourceVersion };
    const run = about.status?.run?.id;
    events.record({ object, type, message, ...(run === undefined ? {} : { run }) });
  };
  return {
    record({ canary, transition }) {
      for (const event of transition.events) post({ ...canary, status: transition.status }, event);
    },
    announce: post,
    forget() {},
  };
}
