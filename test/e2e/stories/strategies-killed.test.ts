import { canaries } from "./canary.ts";
import { withOperatorKills } from "./story-run.ts";
import { strategies } from "./strategies.ts";

withOperatorKills(canaries, strategies);
