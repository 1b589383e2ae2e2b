import { canaries } from "./canary.ts";
import { withoutKills } from "./story-run.ts";
import { strategies } from "./strategies.ts";

withoutKills(canaries, strategies);
