import { canaries } from "./canary.ts";
import { strategies } from "./strategies.ts";
import { withOperatorKills } from "./story-run.ts";

withOperatorKills(canaries, strategies);
