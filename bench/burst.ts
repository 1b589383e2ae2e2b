/** 1,000 Canaries applied at once to an API server that is slow, and to one that cannot keep up. */
import { burst } from "../test/chaos/burst.ts";
import type { Figure } from "./figure.ts";

const CANARIES = 1000;
const MOST_CONNECTIONS = 40;

export async function benchBurst(): Promise<readonly Figure[]> {
  // About 200 requests a second at most; then one that gives up a request that waited for a quarter of a second.
  const slow = await burst({ canaries: CANARIES, namespaces: 10, workers: 10, workMs: 50 });
  const starved = await burst({ canaries: CANARIES / 5, namespaces: 10, workers: 4, workMs: 50, patienceMs: 250 });
  const { timeouts, abandoned, mostConnections } = slow.figures;
  return [
    {
      what: `${CANARIES} canaries at once, slow API server: all initialised, time-outs of either side`,
      measured: `${timeouts + abandoned} in ${Math.round(slow.seconds)} s`,
      aim: "0",
      met: timeouts + abandoned === 0,
    },
    {
      what: "... connections",
      measured: String(mostConnections),
      aim: `<= ${MOST_CONNECTIONS}`,
      met: mostConnections <= MOST_CONNECTIONS,
    },
    {
      what: `${CANARIES / 5} canaries at once, starved API server: all initialised, requests that it gave up`,
      measured: `${starved.figures.timeouts} in ${Math.round(starved.seconds)} s`,
      aim: "few",
      met: starved.figures.abandoned === 0,
    },
  ];
}
