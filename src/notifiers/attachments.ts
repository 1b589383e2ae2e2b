/** The payload of Slack's incoming webhooks, which Discord and Rocket.Chat understand, too. */
import type { AlertMessage, Speaker } from "./alert.ts";

export interface Colours {
  readonly good: string;
  readonly bad: string;
}

export function attachmentPayload(alert: AlertMessage, speaker: Speaker, colours: Colours): object {
  return {
    channel: speaker.channel,
    username: speaker.username,
    icon_url: "",
    icon_emoji: ":rocket:",
    attachments: [
      {
        color: alert.severity === "error" ? colours.bad : colours.good,
        author_name: alert.workload,
        text: alert.message,
        mrkdwn_in: ["text"],
        fields: alert.fields.map(({ name, value }) => ({ title: name, value, short: false })),
      },
    ],
  };
}
