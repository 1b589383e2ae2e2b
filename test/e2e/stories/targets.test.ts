import { endings } from "./endings.ts";
import { gates } from "./gates.ts";
import { targets } from "./targets.ts";
import { undisturbed } from "./telling.ts";

undisturbed(targets, gates, endings);
