/** All verbs. A new verb is a word in VERBS, a file beside this one and a row here. */
import type { Verb } from "../people/steering.ts";
import { abort } from "./abort.ts";
import { approve } from "./approve.ts";
import type { Intent } from "./intent.ts";
import { override } from "./override.ts";
import { pause } from "./pause.ts";
import { promote } from "./promote.ts";
import { promoteFull } from "./promote-full.ts";
import { refuse } from "./refuse.ts";
import { resume } from "./resume.ts";
import { retry } from "./retry.ts";
import { setWeight } from "./set-weight.ts";
import { skip } from "./skip.ts";
import { undo } from "./undo.ts";

/** The rule of each verb. */
export const INTENTS: Readonly<Record<Verb, Intent>> = {
  pause,
  resume,
  approve,
  refuse,
  promote,
  "promote-full": promoteFull,
  abort,
  retry,
  undo,
  skip,
  "set-weight": setWeight,
  override,
};
