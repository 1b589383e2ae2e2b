/** Google Chat: a card with one section for the message and one for each field. The card does not show the severity. */
import { asConfigured, type NotifierKind } from "../alert.ts";
import { escaped } from "../markup.ts";

const strong = (text: string): string => `<font color=#848484><strong>${text}</strong></font>`;
const section = (text: string): object => ({ widgets: [{ textParagraph: { text } }] });

export const gchat: NotifierKind = {
  title: "Google Chat",
  addressTitle: "webhook",
  needsSpeaker: false,
  usesToken: false,
  target: asConfigured,
  render: (alert) => ({
    cards: [
      {
        header: {
          title: "Flagger",
          subtitle: alert.workload,
          imageUrl: "https://flagger.app/favicon.png",
        },
        sections: [
          section(strong(escaped(alert.message))),
          ...alert.fields.map(({ name, value }) => section(`${name}<br>${strong(escaped(value))}`)),
        ],
      },
    ],
  }),
};
