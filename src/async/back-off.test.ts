import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.ts";
import { type Deadline, DeadlineExceeded, withDeadline } from "./back-off.ts";

const NOT_ABORTED = new AbortController().signal;

it("a deadline that is extended a thousand times keeps one timer, and fires after the last extension", async () => {
  const clock = createManualClock();
  let held: Deadline | undefined;
  const work = withDeadline(clock, 10_000, NOT_ABORTED, (deadline) => {
    held = deadline;
    return new Promise((_, reject) => deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason)));
  });
  work.catch(() => undefined);
  for (let i = 0; i < 1_000; i += 1) {
    await clock.advance(9);
    held?.restart(10_000);
  }
  expect(clock.sleeping()).toHaveLength(1);
  expect(clock.asked).toHaveLength(1);
  await clock.advance(9_999);
  expect(held?.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(held?.signal.reason).toBeInstanceOf(DeadlineExceeded);
  await expect(work).rejects.toThrow("no answer within 10 s");
});

it("any number of deadlines at once add one listener to the signal that they follow, and all end with it", async () => {
  const clock = createManualClock();
  const stop = new AbortController();
  const works = Array.from({ length: 100 }, () =>
    withDeadline(
      clock,
      10_000,
      stop.signal,
      ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ),
  );
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  stop.abort(new Error("the command is over"));
  for (const end of await Promise.allSettled(works)) {
    expect(end).toMatchObject({ status: "rejected", reason: { message: "the command is over" } });
  }
});
