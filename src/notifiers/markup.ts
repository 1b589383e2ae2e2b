/**
 * Escapes for texts that come from outside, e.g. a webhook's answer. A chat must show such a text, not interpret it.
 */

/** Slack's and Discord's escape, and Google Chat's HTML: no links, no mentions of channels. */
export function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** Markdown with HTML in it, as Microsoft Teams reads it. A backslash of the text must not use up an escape. */
export function escapedMarkdown(text: string): string {
  return escaped(text).replace(/[\\[\]*_`~]/g, "\\$&");
}

/** For a chat without an escape: a zero-width character breaks links and mentions. */
export function parted(text: string): string {
  return text.replace(/[<@]|\](?=\()/g, "$&\u200b");
}
