/** Microsoft Teams: a message card. */
import { asConfigured, type NotifierKind } from "../alert.ts";
import { escapedMarkdown } from "../markup.ts";

export const msteams: NotifierKind = {
  title: "MS Teams",
  addressTitle: "webhook",
  needsSpeaker: false,
  usesToken: false,
  target: asConfigured,
  render: (alert) => ({
    "@type": "MessageCard",
    "@context": "http://schema.org/extensions",
    themeColor: alert.severity === "error" ? "FF0000" : "0076D7",
    summary: alert.workload,
    sections: [
      {
        activityTitle: escapedMarkdown(alert.message),
        activitySubtitle: alert.workload,
        facts: alert.fields.map(({ name, value }) => ({ name, value: escapedMarkdown(value) })),
      },
    ],
  }),
};
