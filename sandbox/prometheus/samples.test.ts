import fc from "fast-check";
import { expect, it } from "vitest";
import { SampleRing } from "./samples.ts";

it("answers as a plain list of the newest samples would", () => {
  const steps = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 3 }), stale: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 0, max: 90 }),
      (all, limit, to, width) => {
        const ring = new SampleRing(limit);
        let list: { at: number; value: number; stale: boolean }[] = [];
        let at = 0;
        all.forEach(({ gap, stale }, i) => {
          at += gap;
          if (stale) ring.end(at);
          else ring.add(at, i);
          const last = list.at(-1);
          if (last === undefined || at > last.at) list.push({ at, value: i, stale });
          list = list.slice(-limit);
        });
        const within = list.filter((sample) => sample.at >= to - width && sample.at <= to);
        const fresh = within.filter(({ stale }) => !stale).map(({ at, value }) => ({ at, value }));
        expect(ring.between(to - width, to)).toEqual(fresh);
        const last = within.at(-1);
        expect(ring.latest(to - width, to)).toEqual(
          last === undefined || last.stale ? undefined : { at: last.at, value: last.value },
        );
        expect(ring.newest()).toBe(list.at(-1)?.at);
      },
    ),
  );
});
