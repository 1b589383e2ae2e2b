import { canaries } from "./canary.ts";
import { strategies } from "./strategies.ts";
import { withKills } from "./telling.ts";

withKills(canaries, strategies);
