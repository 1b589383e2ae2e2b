/** Slack: an incoming webhook, or chat.postMessage with a bot token. */
import { asConfigured, type NotifierKind } from "../alert.ts";
import { attachmentPayload } from "../attachments.ts";
import { escaped } from "../markup.ts";

export const slack: NotifierKind = {
  title: "Slack",
  addressTitle: "hook",
  needsSpeaker: true,
  usesToken: true,
  target: asConfigured,
  render: (alert, speaker) => attachmentPayload(alert, speaker, { good: "good", bad: "danger", plain: escaped }),
};
