/** What is broken on purpose in src/gates/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "a gate that asks for patience is taken for a refusal",
    from: "return status === 429 || (status >= 500 && status !== 501);",
    to: "return status >= 500 && status !== 501;",
  },
  {
    breaks: "a gate that answers 204 is open",
    from: "if (result.status <= LAST_SUCCESS)",
    to: "if (result.status < 300)",
  },
  {
    breaks: "one retry too few",
    from: "!result.mayRetry || attempts > retries",
    to: "!result.mayRetry || attempts >= retries",
  },
  {
    breaks: "a turn hangs for as long as a server says",
    from: "Math.min(LONGEST_WAIT_MS, asked);",
    to: "asked;",
  },
  {
    breaks: "a hook's metadata overrides the event",
    from: "metadata: { ...hookMetadata, ...described } };",
    to: "metadata: { ...described, ...hookMetadata } };",
  },
];
