/** The CustomResourceDefinitions: Flagger's, field for field, and Aviary's additions. */
import { canaryCrd } from "./canary.ts";
import type { CrdObject } from "./definition.ts";
import { alertProviderCrd, metricTemplateCrd } from "./providers.ts";
import { canaryActionCrd, canaryFreezeCrd, canaryRunCrd } from "./steering.ts";

export { alertProviderCrd, type CrdObject, canaryCrd, metricTemplateCrd };

/** All of them, in the order in which they are installed. */
export function crds(): readonly CrdObject[] {
  return [canaryCrd(), metricTemplateCrd(), alertProviderCrd(), canaryActionCrd(), canaryFreezeCrd(), canaryRunCrd()];
}
