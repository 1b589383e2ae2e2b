import { expect, it } from "vitest";
import { allRules, rightsOf } from "../../src/operator/rights.ts";
import { TABLES } from "../../src/testing/tables.ts";
import { burst } from "./burst.ts";

const RULES = allRules(rightsOf(TABLES));

/** @param asked "POST apps/deployments", "PATCH flagger.app/canaries/status" */
function isGranted(asked: string): boolean {
  const [method = "", path = ""] = asked.split(" ");
  if (path === "/") return true; // GET /version
  const [group = "", ...resource] = path.split("/");
  const verb = ({ POST: "create", PUT: "update" } as Record<string, string>)[method] ?? method.toLowerCase();
  return RULES.some(
    ({ apiGroups, resources, verbs }) =>
      apiGroups?.includes(group) && resources?.includes(resource.join("/")) && verbs.includes(verb),
  );
}

it("Canaries applied at once to a slow API server are all initialised, without a time-out, on few connections", async () => {
  const { figures, errors } = await burst({ canaries: 60, namespaces: 3, workers: 4, workMs: 5 });
  const { timeouts, abandoned } = figures;
  const away = expect.stringContaining("Metrics server http://127.0.0.1:9 unreachable");
  expect({ timeouts, abandoned, errors }).toEqual({ timeouts: 0, abandoned: 0, errors: [away] });
  expect(figures.mostInFlight).toBeLessThanOrEqual(28);
  expect(figures.mostConnections).toBeLessThanOrEqual(40);
  expect([...figures.asked].filter((asked) => !isGranted(asked))).toEqual([]);
});

it("an API server that cannot keep up gets fewer requests at once, and all Canaries are initialised", async () => {
  // Within its time limit it can answer about 12 requests.
  const { figures } = await burst({ canaries: 30, namespaces: 3, workers: 2, workMs: 10, patienceMs: 60 });
  const requests = [...figures.verbs.values()].reduce((sum, count) => sum + count);
  expect(figures.timeouts).toBeGreaterThan(0);
  expect(figures.timeouts).toBeLessThan(requests / 4);
});
