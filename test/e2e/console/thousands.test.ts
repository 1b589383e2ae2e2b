/** The console with 5,000 canaries: what is sent. `npm run bench -- console` measures what is drawn, and how fast. */
import { gunzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../../sandbox/api-server/index.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary } from "./objects.ts";
import { startWorld, type World } from "./world.ts";

const CANARIES = 5000;
const PATIENCE_MS = 300_000;
const MOST_BYTES = 120 * 1024;

let world: World;
let cookie: string;
const agent = new Agent();

beforeAll(async () => {
  world = await startWorld(thousands);
}, PATIENCE_MS);
afterAll(async () => {
  await agent.destroy();
  await world?.stop();
});

function thousands(server: ApiServer): void {
  for (let index = 0; index < CANARIES; index += 1) {
    const phase = index % 10 === 0 ? "Progressing" : index % 7 === 0 ? "Failed" : "Succeeded";
    const weight = index % 10 === 0 ? 20 : 0;
    const object = canary(`service-${index}`, { phase, canaryWeight: weight, failedChecks: 0 });
    const made = server.cluster.create(RESOURCES.canary, object);
    server.cluster.updateStatus(RESOURCES.canary, { ...made, status: object["status"] });
  }
}

it("the list of 5,000 canaries is at most 120 KB on the wire", { timeout: PATIENCE_MS }, async () => {
  const login = await request(world.console.link, { dispatcher: agent });
  cookie = String([login.headers["set-cookie"]].flat()[0]).split(";")[0] ?? "";
  await login.body.dump();
  const headers = { cookie, "accept-encoding": "gzip" };
  const answer = await request(`${world.console.url}api/v1/canaries`, { dispatcher: agent, headers });
  expect(answer.headers["content-encoding"]).toBe("gzip");
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  expect(JSON.parse(gunzipSync(bytes).toString()).rows).toHaveLength(CANARIES);
  expect(bytes.length).toBeLessThanOrEqual(MOST_BYTES);
});
