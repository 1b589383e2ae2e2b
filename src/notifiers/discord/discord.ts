/** Discord, through its Slack-compatible webhook. */
import type { NotifierKind } from "../alert.ts";
import { attachmentPayload } from "../attachments.ts";
import { escaped, parted } from "../markup.ts";

export const discord: NotifierKind = {
  title: "Discord",
  addressTitle: "hook",
  needsSpeaker: true,
  usesToken: false,
  target(address, url) {
    // Q74: the whole address is checked, so a query string hides an ending that is there already.
    if (address.endsWith("/slack")) return url;
    const slack = new URL(url);
    slack.pathname = `${url.pathname.replace(/\/+$/, "")}/slack`;
    return slack;
  },
  render: (alert, speaker) =>
    attachmentPayload(alert, speaker, { good: "good", bad: "danger", plain: (text) => parted(escaped(text)) }),
};
