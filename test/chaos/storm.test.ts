/**
 * Seeded storms: a server that refuses, fails, dawdles and loses history at random. Every Canary is initialised in the
 * end.
 */
import { expect, it } from "vitest";
import { createChance } from "../../src/simulate/random.ts";
import { burst } from "./burst.ts";

const SEEDS = process.env["CHAOS_SEEDS"]?.split(",").map(Number) ?? [1, 2];
const FAULTS = [
  { code: 429, reason: "TooManyRequests", details: { retryAfterSeconds: 0 } },
  { code: 500, reason: "InternalError" },
  { code: 503, reason: "ServiceUnavailable" },
  { code: 410, reason: "Expired" },
];

/** The share of answers that come late. */
const DAWDLES = 0.1;
const LONGEST_ANSWER_MS = 1_000;

it.each(SEEDS)(
  "seed %i: 429, 500, 503, 410 and late answers at random delay the Canaries and stop none",
  async (seed) => {
    const chance = createChance(seed);
    const { figures } = await burst({
      ...{ canaries: 20, namespaces: 4, workers: 8, workMs: 2 },
      delayMs: () => (chance.next() < DAWDLES ? chance.next() * LONGEST_ANSWER_MS : 0),
      intercept(_method, path) {
        // The first read of the cluster decides whether the operator starts at all.
        if (path === "/version" || path.includes("limit=1&") || path.endsWith("limit=1") || chance.next() > 0.1) return;
        const fault = FAULTS[Math.floor(chance.next() * FAULTS.length)];
        return { code: fault?.code ?? 500, body: { kind: "Status", status: "Failure", message: "storm", ...fault } };
      },
    });
    expect(figures.mostConnections).toBeLessThanOrEqual(40);
  },
);
