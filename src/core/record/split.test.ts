import { describe, expect, it } from "vitest";
import { aCanary } from "../../testing/canary.ts";
import { splitText } from "../texts/words.ts";
import { namedByHooks, offSplit, type Seen, sideOf } from "./split.ts";

const seen = (requests: number, failed = 0, strays = 0): Seen => ({ requests, failed, strays });

const SEED = Number(process.env["SEED"] ?? 20261129);
let state = SEED;

/** How many of `n` requests go to the canary, each by chance (Lehmer's generator). */
function drawn(n: number, share: number): number {
  let canary = 0;
  for (let i = 0; i < n; i += 1) {
    state = (state * 48_271) % 2_147_483_647;
    if (state / 2_147_483_647 < share) canary += 1;
  }
  return canary;
}

describe("the split of requests", () => {
  it(`is never doubted where the mesh follows, for any weight and any number of users (seed ${SEED})`, () => {
    let looks = 0;
    for (const promised of [1, 2, 5, 10, 20, 33, 50, 80, 95, 99]) {
      for (const n of [1, 20, 100, 150, 400, 1_000, 4_000]) {
        for (let i = 0; i < 30; i += 1) {
          const canary = drawn(n, promised / 100);
          expect(
            sideOf(promised, seen(canary), seen(n - canary)),
            `${canary} of ${n} at ${promised} %`,
          ).toBeUndefined();
          looks += 1;
        }
      }
    }
    expect(looks).toBe(2_100);
  });

  it.each([
    [10, 500, 500, "more"],
    [10, 100, 0, "more"],
    [10, 0, 1_000, "less"],
    [50, 0, 200, "less"],
    [50, 1_000, 100, "more"],
    [90, 100, 900, "less"],
    [1, 100, 900, "more"],
    [5, 310, 690, "more"],
  ] as const)(
    "promised %i percent, %i requests to the canary and %i to the primary: %s",
    (promised, canary, primary, side) => {
      expect(sideOf(promised, seen(canary), seen(primary))).toBe(side);
    },
  );

  it.each([
    ["too few requests", 10, seen(49), seen(50)],
    ["odds within a factor of two, with any number of requests", 10, seen(180_000), seen(820_000)],
    ["and below", 10, seen(54_000), seen(946_000)],
    ["failed requests of the canary that were sent again, three times each", 10, seen(400, 300), seen(900)],
    ["failed requests of the primary that were sent again", 50, seen(1_000), seen(4_000, 3_000)],
    ["probes and scrapes at the canary, and few users", 10, seen(140, 0, 130), seen(200, 0, 130)],
    ["probes and scrapes at the primary, and few users", 50, seen(20), seen(200, 0, 180)],
    ["no requests at all", 10, seen(0), seen(0)],
  ])("is not doubted for %s", (_, promised, canary, primary) => {
    expect(sideOf(promised, canary, primary)).toBeUndefined();
  });

  it("is announced with both shares and all requests", () => {
    expect(splitText(offSplit(10, 312, 694))).toBe(
      "the canary got 31.0 % of 1,006 requests, promised were 10 %; the mesh does not follow its routes, or requests go past it",
    );
  });

  it("is known to be no affair of the mesh where a webhook names a version", () => {
    const cmd = "hey -z 1m http://podinfo-canary.test:9898/";
    const webhooks = [{ name: "load", url: "http://loadtester/", metadata: { cmd } }];
    expect(namedByHooks(aCanary({ analysis: { webhooks } }).spec)).toEqual({ canary: true, primary: false });
    expect(namedByHooks(aCanary().spec)).toEqual({ canary: false, primary: false });
  });
});
