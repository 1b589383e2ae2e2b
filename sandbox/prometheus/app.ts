/** The program of the sandbox's Prometheus pod. */
import type { App, AppContext, RunningApp } from "../apps.ts";
import { startEmbedded } from "./embedded.ts";
import { findPrometheus, startReal } from "./real.ts";

export interface PrometheusAppOptions {
  /** URLs to scrape. The embedded one reads them for every scrape, the real one when it starts. */
  readonly targets: () => readonly string[];
  /** "auto", the default: Debian's Prometheus when it is installed, else the embedded one. */
  readonly prefer?: "real" | "embedded" | "auto";
  /** 1000 by default. */
  readonly scrapeIntervalMs?: number;
}

const DEFAULT_PORT = 9090;
const SCRAPE_INTERVAL_MS = 1000;
/** A series counts as there for this many missed scrapes. */
const LOOKBACK_SCRAPES = 5;
const LEAST_LOOKBACK_MS = 5000;

/** @throws Error, from the App, when `prefer` is "real" and no prometheus is installed, or the address is taken */
export function prometheusApp(options: PrometheusAppOptions): App {
  const scrapeIntervalMs = options.scrapeIntervalMs ?? SCRAPE_INTERVAL_MS;
  const lookbackMs = Math.max(LEAST_LOOKBACK_MS, LOOKBACK_SCRAPES * scrapeIntervalMs);
  return async (context) => {
    const { prefer = "auto" } = options;
    const binary = prefer === "embedded" ? undefined : await findPrometheus();
    if (prefer === "real" && binary === undefined) {
      throw new Error("no prometheus in PATH: install it (apt-get install prometheus) or use the embedded one");
    }
    const where = { address: context.address, port: context.ports[0]?.containerPort ?? DEFAULT_PORT };
    const how = { ...where, scrapeIntervalMs, lookbackMs };
    return binary === undefined
      ? runEmbedded(context, { ...how, targets: options.targets })
      : runReal(context, { ...how, targets: options.targets(), binary });
  };
}

async function runReal(
  context: AppContext,
  options: Omit<Parameters<typeof startReal>[0], "log">,
): Promise<RunningApp> {
  context.log(
    `running ${options.binary} on ${options.address}:${options.port}, scraping ${options.targets.join(", ")}`,
  );
  const { exited, stop } = await startReal({ ...options, log: context.log });
  return { exited, stop };
}

async function runEmbedded(context: AppContext, options: Parameters<typeof startEmbedded>[0]): Promise<RunningApp> {
  const { url, stop } = await startEmbedded({ ...options, log: context.log });
  context.log(`running the embedded Prometheus (a subset of 2.42) on ${url}, scraping ${options.targets().join(", ")}`);
  let ended: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    ended = resolve;
  });
  return {
    exited,
    stop: async () => {
      await stop();
      ended(0);
    },
  };
}
