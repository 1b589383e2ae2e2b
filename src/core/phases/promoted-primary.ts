import type { CanaryStatus } from "../status/canary.ts";
import { promotionId } from "../turn/identity.ts";
import type { DesiredPrimary } from "./phase.ts";
import { PRESENT } from "./phase.ts";

/** The promotion that a restoration undoes: the one that failed, or the one that a person undid. */
export function promotionToRestore(status: CanaryStatus, uid: string): string | undefined {
  const undone =
    status.phase === "Failed" && status.recovery.kind === "undoing" ? status.recovery.promotion : undefined;
  return undone ?? (status.applied === undefined ? undefined : promotionId(uid, status.applied));
}

/** The primary carries the template of the revision that was applied, as long as the target still holds it. */
export function promotedPrimary({ applied }: CanaryStatus, uid: string): DesiredPrimary {
  return applied === undefined ? PRESENT : { kind: "promoted", id: promotionId(uid, applied), revision: applied };
}
