/** How much a Canary may ask for. The CRDs are made of these numbers; they hold with Flagger's own CRDs, too. */

export const BOUNDS = {
  /** Characters of a query: more than any metric server takes in a URL. */
  query: 65_536,
  /** Characters of an address. */
  url: 2_048,
  /** Entries of `metrics`, `webhooks`, `alerts`, each of which is asked or told in every turn. */
  entries: 50,
  /** Entries of `stepWeights`. A weight is a whole percent. */
  stepWeights: 100,
  /** Attempts of a webhook after the first. */
  retries: 1_000,
} as const;
