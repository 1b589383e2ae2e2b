/** The demo's users: a steady stream of requests through the ingress gateway, counted where it matters, at the client. */
import { Agent } from "undici";

export interface UserTraffic {
  /** Cumulative since the start. */
  readonly totals: () => Totals;
  stop(): Promise<void>;
}

export interface Totals {
  readonly requests: number;
  /** Answered with 5xx, or not answered. */
  readonly failed: number;
  /** Answered with 4xx: podinfo's random errors are partly of this kind. */
  readonly refused: number;
}

export interface TrafficOptions {
  readonly url: string;
  /** Host header: the name users type. */
  readonly host: string;
  readonly requestsPerSecond: number;
}

const TICK_MS = 10;

/** Paced: every tick sends what is due by the clock, so that a late tick is caught up with. */
export function startUserTraffic({ url, host, requestsPerSecond }: TrafficOptions): UserTraffic {
  const agent = new Agent({ connections: 64 });
  const began = performance.now();
  const { origin } = new URL(url);
  const open = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;
  let refused = 0;

  async function request(): Promise<void> {
    try {
      const answer = await agent.request({
        origin,
        path: "/",
        method: "GET",
        headers: { host },
        headersTimeout: 10_000,
      });
      await answer.body.dump();
      if (answer.statusCode >= 500) failed += 1;
      else if (answer.statusCode >= 400) refused += 1;
    } catch {
      // Whatever went wrong, the user got no answer: that is what is counted.
      failed += 1;
    }
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * requestsPerSecond);
    for (; sent < due; sent += 1) {
      const sending = request();
      open.add(sending);
      void sending.finally(() => open.delete(sending));
    }
  }, TICK_MS);

  return {
    totals: () => ({ requests: sent, failed, refused }),
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      await agent.close();
    },
  };
}
