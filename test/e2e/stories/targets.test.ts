import { endings } from "./endings.ts";
import { gates } from "./gates.ts";
import { keda } from "./keda.ts";
import { knative } from "./knative.ts";
import { withoutKills } from "./story-run.ts";
import { targets } from "./targets.ts";

withoutKills(targets, keda, knative, gates, endings);
