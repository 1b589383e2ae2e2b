import { canaries } from "./canary.ts";
import { endings } from "./endings.ts";
import { gates } from "./gates.ts";
import { keda } from "./keda.ts";
import { knative } from "./knative.ts";
import { withOperatorKills } from "./story-run.ts";
import { strategies } from "./strategies.ts";
import { targets } from "./targets.ts";

withOperatorKills(targets, keda, knative, gates, endings, canaries, strategies);
