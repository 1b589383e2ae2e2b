/**
 * A Canary whose `service.name` was edited gets Services of the new name. The former Services stay, and may still get
 * traffic.
 */
import { dotted } from "../../core/spec/spec.ts";
import type { ObjectChange } from "../../ports/kube.ts";
import type { Log } from "../../ports/log.ts";

export function warnOfRenaming(change: ObjectChange, log: Log): void {
  if (change.type !== "modified") return;
  const { object, old } = change;
  const [before, after] = [old.spec?.service?.name ?? "", object.spec?.service?.name ?? ""];
  if (before === "" || before === after) return;
  const { namespace = "", name } = object.metadata;
  const text = `The service name changed to ${after}, remove ${before} objects to avoid routing conflicts`;
  log.warn({ canary: dotted(name, { namespace, name }) }, text);
}
