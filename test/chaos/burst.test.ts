import { expect, it } from "vitest";
import { burst } from "./burst.ts";

it("Canaries applied at once to a slow API server are all initialised, without a time-out, on few connections", async () => {
  const { figures, errors } = await burst({ canaries: 60, namespaces: 3, workers: 4, workMs: 5 });
  const { timeouts, abandoned } = figures;
  const away = expect.stringContaining("Metrics server http://127.0.0.1:9 unreachable");
  expect({ timeouts, abandoned, errors }).toEqual({ timeouts: 0, abandoned: 0, errors: [away] });
  expect(figures.mostInFlight).toBeLessThanOrEqual(28);
  expect(figures.mostConnections).toBeLessThanOrEqual(40);
});

it("an API server that cannot keep up gets fewer requests at once, and all Canaries are initialised", async () => {
  // What it can do in its own patience are about 12 requests.
  const { figures } = await burst({ canaries: 30, namespaces: 3, workers: 2, workMs: 10, patienceMs: 60 });
  const requests = [...figures.verbs.values()].reduce((sum, count) => sum + count);
  expect(figures.timeouts).toBeGreaterThan(0);
  expect(figures.timeouts).toBeLessThan(requests / 4);
});
