/**
 * Releases under load on real proxies. Needs programs that are no part of this project: MESH_PROGRAMS names their
 * folder, MESH_CRDS their CRDs and those of the Gateway API. `npm run test:meshes`
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RealMesh } from "../../sandbox/mesh-programs/index.ts";
import { BAD, GOOD } from "../e2e/stories/manifests.ts";
import { isWithin } from "./bounds.ts";
import { countAtCanary } from "./copies.ts";
import { followTimes, percentile } from "./follow.ts";
import { type Ending, stage } from "./rollout.ts";
import { metCanary } from "./users.ts";
import { type Strategy, WAYS, type Way } from "./ways.ts";
import { type RealWorld, startRealWorld, whatIsMissing } from "./world.ts";

const MESHES: readonly RealMesh[] = ["istio", "contour", "envoy-gateway", "nginx"];
const WANTED = (process.env["MESHES"] ?? MESHES.join(",")).split(",");
const LIMIT_MS = 300_000;
/** Five steps of these are 10,000 requests. */
const PER_STEP = 2_000;
const TURNS = 100;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const nameOf = ({ provider }: Way, strategy: string) =>
  `${provider} ${strategy}`.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase();

for (const mesh of MESHES.filter((one) => WANTED.includes(one))) {
  const missing = whatIsMissing(mesh);
  if (missing === undefined) describe(mesh, () => tell(mesh));
  else it(`${mesh} is not tried: ${missing}`, () => say(`${mesh} was not tried: ${missing}`));
}

function tell(mesh: RealMesh): void {
  let world: RealWorld;
  beforeAll(async () => {
    world = await startRealWorld(mesh);
  }, LIMIT_MS);
  afterAll(() => world?.stop(), LIMIT_MS);
  const can = (strategy: Strategy) => WAYS.filter((way) => way.mesh === mesh && way.can.includes(strategy));

  describe.each(can("steps"))("$provider", (way) => {
    it("splits as each step promises, and no user of a good release fails", { timeout: LIMIT_MS }, async () => {
      const analysis = { maxWeight: 50, stepWeight: 10 };
      const name = nameOf(way, "steps");
      const story = await stage(world, way, { name, analysis, perStep: PER_STEP });
      await story.release(GOOD);
      const ending = await story.end("Succeeded");
      report(way, "steps", ending);
      expect(ending.failed).toEqual([]);
      expect(ending.steps.map(({ weight }) => weight)).toEqual([0, 10, 20, 30, 40, 50, 0]);
      for (const step of ending.steps.slice(1, -1)) {
        expect(step.requests).toBeGreaterThanOrEqual(PER_STEP);
        expect({ ...step, within: isWithin(step, step.weight) }).toMatchObject({ within: true });
      }
      expect(world.fixture.said(name).filter((text) => text.includes("not split as promised"))).toEqual([]);
    });

    it("rolls a bad release back, and its primary fails no user", { timeout: LIMIT_MS }, async () => {
      const analysis = { stepWeights: [30, 60], threshold: 3 };
      const name = nameOf(way, "bad");
      const story = await stage(world, way, { name, analysis });
      await story.release(BAD);
      const ending = await story.end("Failed");
      report(way, "bad release", ending);
      // The status is saved before the event is written.
      await world.fixture.heard(name, "Rolling back podinfo");
      // Of its errors, and not because the metrics of the mesh have no value.
      await world.fixture.heard(name, "advancement success rate");
      expect(ending.samples.filter(({ status, injected }) => status !== 200 && !injected)).toEqual([]);
      expect(ending.failed.length).toBeGreaterThan(0);
    });
  });

  describe.each(can("A/B test"))("$provider", (way) => {
    it("leads the users of an A/B test to the canary, and no others", { timeout: LIMIT_MS }, async () => {
      const analysis = { iterations: 3, match: way.match };
      const crowds = { insiders: { headers: { "x-user": "insider" } }, others: {} };
      const story = await stage(world, way, { name: nameOf(way, "ab"), analysis, crowds, perStep: PER_STEP });
      await story.release(GOOD);
      const ending = await story.end("Succeeded");
      report(way, "A/B test", ending);
      expect(ending.failed).toEqual([]);
      const met = (crowd: string) => ending.samples.filter((sample) => sample.crowd === crowd && metCanary(sample));
      expect(met("insiders").length).toBeGreaterThanOrEqual(500);
      expect(met("others")).toEqual([]);
    });
  });

  describe.each(can("blue/green"))("$provider", (way) => {
    it("switches a blue/green release without a failed request", { timeout: LIMIT_MS }, async () => {
      // Before the switch no user meets the canary, so there is nothing to measure.
      const story = await stage(world, way, { name: nameOf(way, "bg"), analysis: { iterations: 2, metrics: [] } });
      await story.release(GOOD);
      const ending = await story.end("Succeeded");
      report(way, "blue/green", ending);
      expect(ending.failed).toEqual([]);
      expect(ending.samples.at(-1)?.version).toBe(GOOD.version);
    });
  });

  describe.each(can("mirroring"))("$provider", (way) => {
    it("mirrors requests that no user sees", { timeout: LIMIT_MS }, async () => {
      const name = nameOf(way, "mirror");
      const story = await stage(world, way, { name, analysis: { iterations: 4, mirror: true, threshold: 3 } });
      const copies = countAtCanary(world, name);
      await story.release(BAD);
      const ending = await story.end("Failed");
      report(way, "mirroring of a bad release", ending);
      expect(ending.failed).toEqual([]);
      expect(ending.samples.filter(metCanary)).toEqual([]);
      expect(await copies.stop()).toBeGreaterThan(100);
    });
  });

  describe.each(can("affinity"))("$provider", (way) => {
    it("keeps users at the canary that they have met", { timeout: LIMIT_MS }, async () => {
      const analysis = { stepWeights: [30, 60], sessionAffinity: { cookieName: "aviary-user", maxAge: 3600 } };
      const plot = { name: nameOf(way, "affinity"), analysis, crowds: { people: { members: 40 } }, perStep: 1_000 };
      const story = await stage(world, way, plot);
      await story.release(GOOD);
      const ending = await story.end("Succeeded");
      report(way, "affinity", ending);
      expect(ending.failed).toEqual([]);
      const met = new Map<number, number>();
      let strayed = 0;
      for (const sample of ending.samples.toSorted((a, b) => a.sentAt - b.sentAt)) {
        if (sample.version === GOOD.version) met.set(sample.member, sample.sentAt);
        else if (met.has(sample.member)) strayed += 1;
      }
      expect(met.size).toBe(40);
      expect(strayed).toBe(0);
    });
  });

  describe.each(can("steps"))("$provider", (way) => {
    it("is followed by its proxy", { timeout: LIMIT_MS }, async () => {
      const times = await followTimes(world, way, nameOf(way, "steps"), TURNS);
      const at = (percent: number) => `p${percent} ${Math.round(percentile(times, percent))} ms`;
      const shown = [50, 90, 99].map(at).join(", ");
      say(
        `${mesh} ${way.provider}: from ${times.length} changes of weights to the first user that they lead: ${shown}`,
      );
      expect(times).toHaveLength(TURNS);
    });
  });
}

function report(way: Way, what: string, { samples, failed, steps }: Ending): void {
  const shares = steps.map(({ weight, requests, canary }) =>
    requests === 0 ? `${weight}%: -` : `${weight}%: ${((canary * 100) / requests).toFixed(2)} of ${requests}`,
  );
  const counts = `${samples.length} requests, ${failed.length} failed, ${samples.filter(metCanary).length} by the canary`;
  say(`${way.mesh} ${way.provider}, ${what}: ${counts}; ${shares.join(", ")}`);
}
