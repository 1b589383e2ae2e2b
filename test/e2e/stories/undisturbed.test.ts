import { canaries } from "./canary.ts";
import { edits } from "./edits.ts";
import { endings } from "./endings.ts";
import { gates } from "./gates.ts";
import { keda } from "./keda.ts";
import { knative } from "./knative.ts";
import { recreate } from "./recreate.ts";
import { split } from "./split.ts";
import { steering } from "./steering.ts";
import { withoutKills } from "./story-run.ts";
import { strategies } from "./strategies.ts";
import { targets } from "./targets.ts";

// The one that takes longest begins first.
withoutKills(split, targets, keda, knative, gates, endings, canaries, strategies, recreate, edits, steering);
