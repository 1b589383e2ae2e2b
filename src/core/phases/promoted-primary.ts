import type { CanaryStatus } from "../canary.ts";
import type { DesiredPrimary } from "../desired.ts";
import { promotionId } from "../identity.ts";
import { PRESENT } from "./phase.ts";

/** The primary carries the template of the revision that was applied, as long as the target still holds it. */
export function promotedPrimary({ applied }: CanaryStatus, uid: string): DesiredPrimary {
  return applied === undefined ? PRESENT : { kind: "promoted", id: promotionId(uid, applied), revision: applied };
}
