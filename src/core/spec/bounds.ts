/**
 * Upper bounds for the fields of a Canary. The CRDs contain these numbers, and the parser checks them. So they hold
 * with Flagger's own CRDs, too.
 */

/** The bounds, by what they bound. */
export const BOUNDS = {
  /** Characters of a query: more than any metric server takes in a URL. */
  query: 65_536,
  /** Characters of an address. */
  url: 2_048,
  /** Entries of `metrics`, `webhooks` and `alerts`. One turn may use all of them. */
  entries: 50,
  /** Entries of `stepWeights`. A weight is a whole percent. */
  stepWeights: 100,
  /** Attempts of a webhook after the first. */
  retries: 1_000,
} as const;
