/** The kinds of alert providers, by the `type` that users write. The CRD's enum is this list. */
import type { NotifierKind } from "./alert.ts";
import { discord } from "./discord/discord.ts";
import { gchat } from "./gchat/gchat.ts";
import { generic } from "./generic/generic.ts";
import { msteams } from "./msteams/msteams.ts";
import { rocket } from "./rocket/rocket.ts";
import { slack } from "./slack/slack.ts";

export const NOTIFIERS: Readonly<Record<string, NotifierKind>> = { slack, msteams, discord, rocket, gchat, generic };
