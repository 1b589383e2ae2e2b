/**
 * The demo's users: a steady stream of requests through the ingress gateway, counted where it matters, at the client.
 */
import { Agent } from "undici";

export interface UserTraffic {
  /** Cumulative since the start. */
  readonly totals: () => Totals;
  stop(): Promise<void>;
}

export interface Totals {
  readonly requests: number;
  /** Not answered yet. */
  readonly open: number;
  /** Answered with 5xx, or not answered. */
  readonly failed: number;
  /** Answered with 4xx: podinfo's random errors are partly of this kind. */
  readonly refused: number;
  /** What went wrong, the first few times: status and body, or the error. */
  readonly failures: readonly string[];
}

export interface TrafficOptions {
  readonly url: string;
  /** Host header: the name users type. */
  readonly host: string;
  readonly requestsPerSecond: number;
}

const TICK_MS = 10;
/** How long a user waits for an answer. */
const PATIENCE_MS = 30_000;
const FAILURES_KEPT = 10;

/**
 * Requests without an answer at once. On a machine that is too slow for the pace, more of them would only wait longer
 * and fail, so the users wait for their answers.
 */
const MOST_OPEN = 32;

/** Paced: every tick sends what is due by the clock, so that a late tick is caught up with. */
export function startUserTraffic({ url, host, requestsPerSecond }: TrafficOptions): UserTraffic {
  const agent = new Agent({ connections: 64 });
  const began = performance.now();
  const { origin } = new URL(url);
  const open = new Set<Promise<void>>();
  let sent = 0;
  /** Requests that were due while too many waited for their answers. */
  let omitted = 0;
  let failed = 0;
  let refused = 0;
  const failures: string[] = [];
  const fail = (what: string) => {
    failed += 1;
    if (failures.length < FAILURES_KEPT) failures.push(`${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`);
  };

  async function request(): Promise<void> {
    try {
      const answer = await agent.request({
        origin,
        path: "/",
        method: "GET",
        headers: { host },
        headersTimeout: PATIENCE_MS,
      });
      const body = await answer.body.text();
      if (answer.statusCode >= 500) fail(`${answer.statusCode} ${body.slice(0, 200)}`);
      else if (answer.statusCode >= 400) refused += 1;
    } catch (error) {
      // The user got no answer: that is what is counted, with any cause.
      fail(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * requestsPerSecond);
    for (; sent + omitted < due; sent += 1) {
      if (open.size >= MOST_OPEN) {
        omitted = due - sent;
        break;
      }
      const sending = request();
      open.add(sending);
      void sending.finally(() => open.delete(sending));
    }
  }, TICK_MS);

  return {
    totals: () => ({ requests: sent, open: open.size, failed, refused, failures: [...failures] }),
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      await agent.close();
    },
  };
}
