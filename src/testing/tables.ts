/** The tables of routers and targets, as an operator without flags has them. */
import { parseOptionsOf } from "../operator/adapters.ts";
import { createRouters } from "../routers/table.ts";
import { createWorkloads } from "../workloads/table.ts";

const SELECTOR_LABELS = ["app", "name", "app.kubernetes.io/name"];

export const TABLES = {
  routers: createRouters({ setOwnerRefs: true }),
  workloads: createWorkloads({ selectorLabels: SELECTOR_LABELS, includeLabelPrefixes: [], configTracking: true }),
};

/** How specs are read, unless a flag of the operator says otherwise. */
export const PARSE_OPTIONS = parseOptionsOf(TABLES);
