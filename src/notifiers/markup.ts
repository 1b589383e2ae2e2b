/** Texts of alerts hold what strangers said, a webhook's answer for example. A chat must show them, not obey them. */

/** Slack's and Discord's own escape, and Google Chat's HTML: no link, no mention of a channel. */
export function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** Markdown with HTML in it, as Microsoft Teams reads it. */
export function escapedMarkdown(text: string): string {
  return escaped(text).replace(/[[\]*_`~]/g, "\\$&");
}

/** For a chat without an escape: an empty character parts what would be a link or a mention. */
export function parted(text: string): string {
  return text.replace(/[<@]|\](?=\()/g, "$&\u200b");
}
