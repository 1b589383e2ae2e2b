import { canaries } from "./canary.ts";
import { strategies } from "./strategies.ts";
import { undisturbed } from "./telling.ts";

undisturbed(canaries, strategies);
