import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.ts";
import { type AdmissionOptions, createAdmission, type Ticket } from "./admission.ts";

const NOT_ABORTED = new AbortController().signal;

function start(options: Partial<AdmissionOptions> = {}) {
  const clock = createManualClock();
  const admission = createAdmission({ clock, random: () => 1, qps: 0, burst: 1, maxInFlight: 8, ...options });
  const passed: string[] = [];
  const tickets: Ticket[] = [];
  const enter = (name: string, lane = "", signal = NOT_ABORTED) =>
    admission.enter(lane, signal).then(
      (ticket) => {
        passed.push(name);
        tickets.push(ticket);
      },
      () => void passed.push(`${name} gave up`),
    );
  return { clock, admission, passed, tickets, enter };
}

describe("the rate of requests", () => {
  it("lets a burst through, then as many as a second allows, in order; a request that is aborted leaves its place", async () => {
    const { clock, passed, enter } = start({ qps: 10, burst: 3 });
    const stop = new AbortController();
    for (const name of ["a", "b", "c", "d"]) void enter(name);
    void enter("e", "", stop.signal);
    await clock.advance(0);
    expect(passed).toEqual(["a", "b", "c"]);
    stop.abort();
    await clock.advance(100);
    expect(passed).toEqual(["a", "b", "c", "e gave up", "d"]);
    await clock.advance(1000);
    for (const name of ["f", "g", "h", "i"]) void enter(name);
    await clock.advance(0);
    expect(passed.slice(5)).toEqual(["f", "g", "h"]);
  });
});

describe("requests in flight", () => {
  it("that wait add one listener to the signal that they share, and leave their places with it", async () => {
    const { admission, passed, enter } = start({ maxInFlight: 1 });
    const stop = new AbortController();
    const all = Array.from({ length: 50 }, (_, i) => enter(String(i), "", stop.signal));
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
    stop.abort(new Error("stop"));
    await Promise.all(all);
    expect([passed.filter((one) => one.endsWith("gave up")).length, admission.waiting]).toEqual([49, 0]);
  });

  it("are bounded, and the next one is sent when one is answered", async () => {
    const { clock, passed, tickets, enter } = start({ maxInFlight: 2 });
    for (const name of ["a", "b", "c"]) void enter(name);
    await clock.advance(0);
    expect(passed).toEqual(["a", "b"]);
    tickets[0]?.leave("answered");
    await clock.advance(0);
    expect(passed).toEqual(["a", "b", "c"]);
  });

  it("are halved once for all requests that an overloaded server refused together, and grow again with answers", async () => {
    const { clock, admission, tickets, enter } = start({ maxInFlight: 8 });
    for (let i = 0; i < 8; i += 1) void enter(`first ${i}`);
    await clock.advance(0);
    for (let i = 0; i < 20; i += 1) void enter(`next ${i}`);
    for (const ticket of tickets.splice(0)) ticket.leave("overloaded");
    expect([admission.limit, admission.inFlight]).toEqual([4, 0]);
    await clock.advance(0);
    expect(admission.inFlight).toBe(0);
    await clock.advance(250);
    expect(admission.inFlight).toBe(4);
    for (const ticket of tickets.splice(0)) ticket.leave("answered");
    await clock.advance(0);
    expect([admission.limit, admission.inFlight]).toEqual([5, 5]);
  });

  it("pause longer while the server stays overloaded, and as long as the server asks for", async () => {
    const { clock, admission, tickets, enter } = start({ maxInFlight: 1 });
    for (let i = 0; i < 5; i += 1) void enter(`${i}`);
    for (const pause of [250, 500, 1000]) {
      await clock.advance(0);
      tickets.pop()?.leave("overloaded");
      await clock.advance(pause - 1);
      expect(admission.inFlight).toBe(0);
      await clock.advance(1);
      expect(admission.inFlight).toBe(1);
    }
    tickets.pop()?.leave("overloaded", 7000);
    await clock.advance(6999);
    expect(admission.inFlight).toBe(0);
    await clock.advance(1);
    expect([admission.inFlight, admission.limit]).toEqual([1, 1]);
  });

  it("of one namespace delay another namespace's request by one request", async () => {
    const { clock, passed, tickets, enter } = start({ maxInFlight: 1 });
    for (let i = 0; i < 100; i += 1) void enter(`noisy ${i}`, "noisy");
    void enter("quiet", "quiet");
    for (let i = 0; i < 2; i += 1) {
      await clock.advance(0);
      tickets.pop()?.leave("answered");
    }
    await clock.advance(0);
    expect(passed.slice(0, 3)).toContain("quiet");
  });

  it("do not count watches, which start although all slots are taken", async () => {
    const { clock, admission, enter } = start({ maxInFlight: 1 });
    void enter("a");
    void enter("b");
    await clock.advance(0);
    await admission.enterStream(NOT_ABORTED);
    expect([admission.inFlight, admission.waiting]).toEqual([1, 1]);
  });
});
