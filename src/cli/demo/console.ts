/** The demo's console: the releases can be watched in a browser, and the demo stays for as long as a browser looks. */
import type { MetricsServer } from "../../console/series.ts";
import { systemClock } from "../../time/system-clock.ts";
import type { ClusterClient } from "../cluster.ts";
import { serveConsole } from "../serve-console.ts";

export interface DemoConsole {
  /** With a token that works once. */
  readonly link: string;
  /**
   * Resolves when no browser follows the console, at once when none ever did.
   * @param staying is called when one does
   */
  untilClosed(staying: () => void): Promise<void>;
}

const LOOK_AGAIN_MS = 500;
/** A page that is loaded again is away for a moment. */
const AWAY_MS = 5000;

/** Ends with `signal`. @param metrics the Prometheus of the sandbox, for charts of canary and primary */
export async function startDemoConsole(
  client: ClusterClient,
  metrics: MetricsServer,
  signal: AbortSignal,
): Promise<DemoConsole> {
  const where = { mode: "local", host: "127.0.0.1", port: 0, basePath: "/", metrics } as const;
  const { link, viewers, stop } = await serveConsole(client, where, signal);
  signal.addEventListener("abort", () => void stop(), { once: true });
  const pause = () => systemClock.sleep(LOOK_AGAIN_MS, signal).catch(() => undefined);
  return {
    link,
    async untilClosed(staying) {
      if (viewers() === 0 || signal.aborted) return;
      staying();
      let seen = systemClock.now();
      while (!signal.aborted && systemClock.now() - seen < AWAY_MS) {
        if (viewers() > 0) seen = systemClock.now();
        await pause();
      }
    },
  };
}
