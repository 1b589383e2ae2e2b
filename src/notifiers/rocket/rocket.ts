/** Rocket.Chat: an incoming webhook. */
import { asConfigured, type NotifierKind } from "../alert.ts";
import { attachmentPayload } from "../attachments.ts";
import { parted } from "../markup.ts";

export const rocket: NotifierKind = {
  title: "Rocket",
  addressTitle: "hook",
  needsSpeaker: true,
  usesToken: false,
  target: asConfigured,
  render: (alert, speaker) => attachmentPayload(alert, speaker, { good: "#0076D7", bad: "#FF0000", plain: parted }),
};
