/** The payload of Slack's incoming webhooks, which Discord and Rocket.Chat understand, too. */
import type { AlertMessage, Speaker } from "./alert.ts";

export interface Style {
  readonly good: string;
  readonly bad: string;
  /** Escapes a text so that the chat shows it literally. */
  readonly plain: (text: string) => string;
}

export function attachmentPayload(alert: AlertMessage, speaker: Speaker, { good, bad, plain }: Style): object {
  return {
    channel: speaker.channel,
    username: speaker.username,
    icon_url: "",
    icon_emoji: ":rocket:",
    attachments: [
      {
        color: alert.severity === "error" ? bad : good,
        author_name: plain(alert.workload),
        text: plain(alert.message),
        mrkdwn_in: ["text"],
        fields: alert.fields.map(({ name, value }) => ({ title: name, value: plain(value), short: false })),
      },
    ],
  };
}
