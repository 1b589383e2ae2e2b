/** The machine's clock. */
import { after, sleepBy } from "../async/timers.ts";
import type { Clock } from "../ports/clock.ts";

export const systemClock: Clock = { now: () => Date.now(), after, sleep: sleepBy(after) };
