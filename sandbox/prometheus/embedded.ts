/** The embedded Prometheus: store, scraper, engine and HTTP API in one server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpApi } from "./http-api.ts";
import { createQueryEngine } from "./query-engine.ts";
import { createScraper, type Scraper } from "./scraper.ts";
import { SeriesStore } from "./series-store.ts";

export interface EmbeddedOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly targets: () => readonly string[];
  readonly scrapeIntervalMs: number;
  readonly lookbackMs: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly log?: (line: string) => void;
}

export interface EmbeddedPrometheus {
  readonly url: string;
  readonly scraper: Scraper;
  stop(): Promise<void>;
}

/** As Prometheus' own default: a machine that is busy answers late, and that is no reason to lose all series. */
const LEAST_TIMEOUT_MS = 10_000;

/** @throws Error when the address cannot be listened on */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPrometheus> {
  const { address, port, targets, scrapeIntervalMs, lookbackMs, now = Date.now, log } = options;
  const store = new SeriesStore();
  const scraper = createScraper({
    store,
    targets,
    intervalMs: scrapeIntervalMs,
    timeoutMs: Math.max(scrapeIntervalMs, LEAST_TIMEOUT_MS),
    now,
    log,
  });
  const engine = createQueryEngine({ store, lookbackMs });
  const server = createServer(createHttpApi({ store, engine, targets: scraper.states, scrapeIntervalMs, now }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  scraper.start();
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    scraper,
    stop: async () => {
      await scraper.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
    },
  };
}
