/** The events of a run, in their order, for people and for tools. */
import { failureOf } from "../core/turn/checks.ts";
import { errorText } from "../error-text.ts";
import { describeProbe } from "./operators.ts";
import { versionOf } from "./scenario.ts";
import { firstImage } from "./targets.ts";
import { describeAction } from "./users.ts";
import type { End, Universe, Watcher } from "./watcher.ts";

export interface TimelineEntry {
  /** Milliseconds since the release; negative before it. */
  readonly at: number;
  readonly kind: "event" | "check" | "alert" | "user" | "weather" | "error";
  readonly phase: string;
  /** "90/10", "100/0m" while mirrored: the split that proxies follow now. */
  readonly weights: string;
  readonly text: string;
  /** Requests of users so far that failed. */
  readonly failedRequests: number;
}

export interface Timeline {
  readonly entries: TimelineEntry[];
  /** By version; "no pod" for requests that found no pod. */
  readonly requests: Readonly<Record<string, { readonly requests: number; readonly failed: number }>>;
  readonly end: End | undefined;
  /** Why no rollout began. */
  readonly noRelease?: string;
}

export function createTimeline(): { readonly watch: (universe: Universe) => Watcher; read(): Timeline } {
  const raw: (Omit<TimelineEntry, "at"> & { readonly time: number })[] = [];
  let seen: Universe | undefined;
  let ended: End | undefined;
  const phases = new Set<string>();
  const watch = (universe: Universe): Watcher => {
    seen = universe;
    const add = (kind: TimelineEntry["kind"], text: string, phase = universe.canary()?.status?.phase ?? "") => {
      phases.add(phase);
      universe.traffic.settle();
      const split = universe.traffic.split();
      raw.push({
        time: universe.schedule.now(),
        kind,
        phase,
        weights: `${round(split.primary)}/${round(split.canary)}${split.mirror ? "m" : ""}`,
        text,
        failedRequests: Math.round([...universe.traffic.tallies.values()].reduce((sum, { failed }) => sum + failed, 0)),
      });
    };
    return {
      turn: ({ transition }) => {
        for (const event of transition.events) add("event", event.message, event.phase);
      },
      said: (event) => add("event", event.message),
      asked(canary, probe, answer) {
        if (probe.kind === "metric-servers") return;
        const value = answer.kind === "value" ? ` ${round(answer.value)}` : "";
        const failure = failureOf({ probe, answer }, canary.ref);
        const verdict = failure === undefined ? "ok" : answer.kind === "value" ? "failed" : answer.kind;
        add("check", `check ${describeProbe(probe)}${value}: ${verdict}`);
      },
      alerted: ({ severity, message }) => add("alert", `alert (${severity}) ${message}`),
      failed: (error) => add("error", `turn failed: ${errorText(error)}`),
      fault: (fault, call) => add("weather", `${fault}: ${call.what} (call ${call.index})`),
      disturbed: (text) => add("weather", text),
      acted: (action) => add("user", describeAction(action)),
      end: (end) => {
        ended = end;
        phases.add(end.phase);
      },
    };
  };
  return {
    watch,
    read() {
      const start = seen?.releasedAt() ?? raw[0]?.time ?? 0;
      const requests = [...(seen?.traffic.tallies ?? [])].map(([image, { requests: all, failed }]) => [
        image === "" ? "no pod" : versionOf(image),
        { requests: Math.round(all), failed: Math.round(failed) },
      ]);
      return {
        entries: raw.map(({ time, ...entry }) => ({ at: time - start, ...entry })),
        requests: Object.fromEntries(requests),
        end: ended,
        ...(ended === undefined || seen === undefined || [...phases].some((phase) => BEGUN.has(phase))
          ? {}
          : { noRelease: whyNone(ended, raw, seen) }),
      };
    },
  };
}

/** A rollout has begun. */
const BEGUN: ReadonlySet<string> = new Set(["Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded"]);

function whyNone(
  { phase, rested }: End,
  raw: readonly { readonly kind: string; readonly text: string }[],
  { scenario }: Universe,
): string {
  if (phase === "Initialized" && firstImage(scenario) === scenario.image) {
    return `the target runs ${scenario.image} already: name another image with --image`;
  }
  if (phase === "Initialized" && !rested) return "the time was over before it began: give it more with --until";
  const last = raw.filter(({ kind, text }) => kind !== "alert" && text !== "").at(-1)?.text;
  const state = phase === "" || phase === "gone" ? "was never initialised" : `is ${phase}`;
  return `the Canary ${state}${last === undefined ? "" : `, and last said: ${last}`}`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
