/** An event is deleted an hour after it happened last. */
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import { getByKey, namespaceOf } from "./objects.ts";

const LIFETIME_MS = 3_600_000;

export function startEventExpiry(context: ControllerContext): Stop {
  const { cluster, clock } = context;
  return startController(context, "event-expiry", (wiring) => {
    wiring.on(RESOURCES.event, (event, change) => {
      // Checked once when it is old; a repetition in the meantime only moves the check.
      if (change === "ADDED") wiring.queue.addAfter(`${namespaceOf(event)}/${event.metadata.name}`, LIFETIME_MS);
      return [];
    });
    return (key) => {
      const event = getByKey(cluster, RESOURCES.event, key);
      if (event === undefined) return;
      const last = Date.parse(event["lastTimestamp"] ?? event.metadata.creationTimestamp ?? "");
      const left = (Number.isNaN(last) ? 0 : last) + LIFETIME_MS - clock.now();
      if (left > 0) wiring.queue.addAfter(key, left);
      else cluster.remove(RESOURCES.event, namespaceOf(event), event.metadata.name);
    };
  });
}
