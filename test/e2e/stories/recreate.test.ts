import { recreate } from "./recreate.ts";
import { withoutKills } from "./story-run.ts";

withoutKills(recreate);
