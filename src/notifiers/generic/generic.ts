/**
 * Any receiver of JSON that is not a chat. An addition of Aviary; Flagger has no such type.
 *
 *   {"name":"podinfo","namespace":"test","severity":"error","message":"…",
 *    "fields":[{"name":"Target","value":"Deployment/podinfo.test"}],"channel":"general","username":"flagger"}
 *
 * A token is sent as bearer token.
 */
import { asConfigured, type NotifierKind } from "../alert.ts";

export const generic: NotifierKind = {
  title: "generic",
  addressTitle: "webhook",
  needsSpeaker: false,
  usesToken: true,
  target: asConfigured,
  render(alert, speaker) {
    // A Canary's name may contain dots, a namespace's cannot.
    const dot = alert.workload.lastIndexOf(".");
    return {
      name: dot === -1 ? alert.workload : alert.workload.slice(0, dot),
      namespace: dot === -1 ? "" : alert.workload.slice(dot + 1),
      severity: alert.severity,
      message: alert.message,
      fields: alert.fields.map(({ name, value }) => ({ name, value })),
      channel: speaker.channel,
      username: speaker.username,
    };
  },
};
