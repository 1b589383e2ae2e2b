/** The adapters, as an operator without flags has them. */
import { createTables, parseOptionsOf } from "../operator/adapters.ts";

export const TABLES = createTables();

/** How specs are read, unless a flag of the operator says otherwise. */
export const PARSE_OPTIONS = parseOptionsOf(TABLES);
