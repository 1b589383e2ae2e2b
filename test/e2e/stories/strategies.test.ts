import { canaries } from "./canary.ts";
import { strategies } from "./strategies.ts";
import { withoutKills } from "./story-run.ts";

withoutKills(canaries, strategies);
