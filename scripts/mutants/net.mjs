/** What is broken on purpose in src/net/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "a redirected gate gets no payload",
    from: "if (status >= 307) return { ...hop, url, headers };",
    to: "",
  },
  {
    breaks: "one redirect too many is followed",
    from: "if (hops >= MOST_REDIRECTS) {",
    to: "if (hops > MOST_REDIRECTS) {",
  },
  {
    breaks: "a redirect carries secrets to another origin",
    from: "const headers = isOwn(hop.url, url) ? hop.headers : harmless(hop.headers);",
    to: "const { headers } = hop;",
  },
  {
    breaks: "a tenant's address leads to the metadata service of the cloud",
    from: "if (holds(metadata, address)) return refused(",
    to: "if (false) return refused(",
  },
  {
    breaks: "a tenant's address leads to the operator's own machine",
    from: "if (holds(local, address)) return refused(",
    to: "if (false) return refused(",
  },
  {
    breaks: "an IPv4 address within an IPv6 one evades the rules",
    from: "for (const address of [name, ...embedded(name)]) {",
    to: "for (const address of [name]) {",
  },
  {
    breaks: "an endless body is read to its end",
    from: "if (size > longestBody) break;",
    to: "",
  },
];
