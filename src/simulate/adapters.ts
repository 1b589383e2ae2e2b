/** The adapters of the operators under test. They are pure, so all operators of all runs share them. */
import { createTables, parseOptionsOf } from "../operator/adapters.ts";
import { SELECTOR_LABELS } from "../workloads/table.ts";

export const TABLES = createTables();
export const PARSE_OPTIONS = parseOptionsOf(TABLES);
/** What the adapters say about a spec. */
export const { rules: SPEC_RULES } = PARSE_OPTIONS;
/** Of an operator with the other order of `-selector-labels`. */
export const OTHER_TABLES = createTables({ selectorLabels: [...SELECTOR_LABELS].reverse() });
