/**
 * Requests that the canary's pods received, as the pods themselves count them. A proxy's own counters may leave
 * mirrored requests out.
 */
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { PORT } from "../e2e/stories/manifests.ts";
import type { RealWorld } from "./world.ts";

export interface Copies {
  /** Ends the count. */
  stop(): Promise<number>;
}

const EVERY_MS = 500;

/** The pods go at the end of the release, so they are asked while it runs. */
export function countAtCanary({ fixture }: RealWorld, namespace: string): Copies {
  const { cluster } = fixture.sandbox;
  const seen = new Map<string, number>();
  let asking: Promise<unknown> = Promise.resolve();
  const ask = async () => {
    const pods = cluster.list(RESOURCES.pod, namespace).filter(({ metadata, status }) => {
      const isCanary = metadata.name.startsWith("podinfo-") && !metadata.name.startsWith("podinfo-primary-");
      return isCanary && status?.phase === "Running" && status.podIP !== undefined;
    });
    await Promise.all(
      pods.map(async ({ metadata: { name }, status }) => {
        // A pod that goes meanwhile keeps the count that it gave before.
        const answer = await fetch(`http://${status?.podIP}:${PORT}/metrics`).catch(() => undefined);
        const lines = (await answer?.text().catch(() => ""))?.split("\n") ?? [];
        const counts = lines.filter((line) => line.startsWith("http_requests_total{"));
        if (counts.length > 0)
          seen.set(
            name,
            counts.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0),
          );
      }),
    );
  };
  const timer = setInterval(() => {
    asking = asking.then(ask);
  }, EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await asking;
      return [...seen.values()].reduce((sum, count) => sum + count, 0);
    },
  };
}
