/** The adapters of the operators under test. */
import { type AdapterTables, parseOptionsOf } from "../operator/adapters.ts";
import { createRouters } from "../routers/table.ts";
import { createServicesRouter } from "../services/services.ts";
import { createAutoscalers } from "../workloads/autoscalers.ts";
import { createWorkloads } from "../workloads/table.ts";

/** Pure, so all operators of all runs share them. */
function tablesFor(selectorLabels: readonly string[]): AdapterTables {
  const options = { selectorLabels, includeLabelPrefixes: [], configTracking: true };
  return {
    routers: createRouters({ setOwnerRefs: true }),
    services: createServicesRouter(),
    workloads: createWorkloads(options),
    autoscalers: createAutoscalers(options),
  };
}

const SELECTOR_LABELS = ["app", "name", "app.kubernetes.io/name"];
export const TABLES = tablesFor(SELECTOR_LABELS);
export const PARSE_OPTIONS = parseOptionsOf(TABLES);
/** What the adapters say about a spec. */
export const { rules: SPEC_RULES } = PARSE_OPTIONS;
/** Of an operator with the other order of `-selector-labels`. */
export const OTHER_TABLES = tablesFor([...SELECTOR_LABELS].reverse());
