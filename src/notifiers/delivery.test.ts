import { describe, expect, it } from "vitest";
import { SILENT_LOG } from "../ports/log.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createDelivery, type DeliveryOptions } from "./delivery.ts";
import { PostError } from "./post.ts";

interface Parcel {
  readonly lane: string;
  readonly text: string;
}

/** A service that fails a given number of times, and records what reached it. */
function start(failures: readonly (Error | "hang")[], options: Partial<DeliveryOptions<Parcel>> = {}) {
  const clock = createManualClock();
  const left = [...failures];
  const tried: string[] = [];
  const errors: string[] = [];
  const warnings: string[] = [];
  const delivery = createDelivery<Parcel>({
    clock,
    log: {
      ...SILENT_LOG,
      error: (_fields, message) => void errors.push(message),
      warn: (_fields, message) => void warnings.push(message),
    },
    send: (parcel, signal) => {
      tried.push(parcel.text);
      const failure = left.shift();
      if (failure === "hang") {
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
    laneOf: (parcel) => parcel.lane,
    failureLine: (parcel, detail) => `${parcel.lane} send error: ${detail}`,
    ...options,
  });
  return { clock, delivery, tried, errors, warnings };
}

const one = { lane: "slack", text: "one" };
const two = { lane: "slack", text: "two" };
const other = { lane: "teams", text: "other" };
const lost = () => new Error("connection refused");

describe("delivery of alerts", () => {
  it("tries again with growing pauses, keeps the order of a lane and does not delay other lanes", async () => {
    const { clock, delivery, tried } = start([lost(), undefined as never, lost(), lost()]);
    const outcomes = [delivery.deliver(one), delivery.deliver(other), delivery.deliver(two)];
    await clock.advance(999);
    expect(tried).toEqual(["one", "other"]);
    await clock.advance(10_000);
    expect(tried).toEqual(["one", "other", "one", "one", "one", "two"]);
    expect(clock.asked).toEqual([1000, 2000, 4000]);
    expect(await Promise.all(outcomes)).toEqual(Array(3).fill({ kind: "delivered" }));
  });

  it("does not give up while a service is down for less than an hour", async () => {
    const { clock, delivery, tried, warnings } = start(Array.from({ length: 19 }, lost));
    const outcome = delivery.deliver(one);
    await clock.advance(3_600_000);
    expect(await outcome).toEqual({ kind: "delivered" });
    expect(tried).toHaveLength(20);
    expect(warnings).toEqual(["an alert did not arrive and is sent again: connection refused"]);
    expect(clock.asked.slice(7, 11)).toEqual([128_000, 256_000, 300_000, 300_000]);
  });

  it("gives up after the last attempt, or at once when the service refused the alert", async () => {
    const refusal = new PostError("bad response 404: no_service", false);
    const failures = [lost(), lost(), lost(), lost(), lost(), refusal];
    const { clock, delivery, tried, errors } = start(failures, { maxAttempts: 5 });
    const outcomes = [delivery.deliver(one), delivery.deliver(two)];
    await clock.advance(60_000);
    expect(await Promise.all(outcomes)).toEqual([
      { kind: "given-up", detail: "connection refused" },
      { kind: "given-up", detail: "bad response 404: no_service" },
    ]);
    expect(tried).toEqual(["one", "one", "one", "one", "one", "two"]);
    expect(errors).toEqual(["slack send error: connection refused", "slack send error: bad response 404: no_service"]);
  });

  it("gives up the oldest alert when too many wait", async () => {
    const { clock, delivery } = start(["hang"], { laneLimit: 2 });
    const outcomes = ["a", "b", "c", "d"].map((text) => delivery.deliver({ lane: "slack", text }));
    expect(await outcomes[1]).toEqual({ kind: "given-up", detail: "more than 2 alerts are waiting" });
    const flushed = delivery.flush(1000);
    await clock.advance(1000);
    await flushed;
  });

  it("tries every alert once more at the end of the process", async () => {
    const { clock, delivery, tried } = start([lost()]);
    const outcomes = [delivery.deliver(one), delivery.deliver(two)];
    await clock.advance(0);
    expect(tried).toEqual(["one"]);
    await delivery.flush(5000);
    expect(tried).toEqual(["one", "one", "two"]);
    expect(await Promise.all(outcomes)).toEqual(Array(2).fill({ kind: "delivered" }));
    expect(clock.sleeping()).toEqual([]);
  });

  it("ends in time even when a service hangs", async () => {
    const { clock, delivery, errors } = start(["hang"]);
    const outcomes = [delivery.deliver(one), delivery.deliver(two)];
    const flushed = delivery.flush(5000);
    await clock.advance(5000);
    await flushed;
    expect(await Promise.all(outcomes)).toEqual(Array(2).fill({ kind: "given-up", detail: "the process is ending" }));
    expect(errors).toHaveLength(2);
  });
});
