/** The stream of changes: its ids, what a browser that was away gets, and how often a change is sent. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ObjectChange } from "../ports/kube.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { createStream, type Stream, type StreamEvent } from "./stream.ts";

let clock: ManualClock;
let stopped: AbortController;
beforeEach(() => {
  clock = createManualClock();
  stopped = new AbortController();
});
afterEach(() => stopped.abort());

/** A console's stream, and the changes of the two caches that it follows. */
function replica() {
  const canaries = source();
  const records = source();
  const stream = createStream(canaries as never, records, clock, stopped.signal);
  return { stream, canaries, records };
}

function source() {
  const listeners = new Set<(change: ObjectChange) => void>();
  return {
    onChange(listener: (change: ObjectChange) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(change: ObjectChange) {
      for (const listener of listeners) listener(change);
    },
  };
}

const canary = (name: string, canaryWeight = 10): KubeObject => ({
  ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name, namespace: "test" } },
  spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, service: { port: 80 } },
  status: { phase: "Progressing", canaryWeight },
});
const record = (name: string): KubeObject => ({
  ...{
    apiVersion: "aviary.flagger.app/v1alpha1",
    kind: "CanaryRun",
    metadata: { name: `${name}-1`, namespace: "test" },
  },
  spec: { canary: name },
});

/** What a browser gets that names `since` when it comes. */
function away(stream: Stream, since: string): readonly string[] {
  const got: StreamEvent[] = [];
  stream.subscribe(since, (events) => got.push(...events))();
  return got.map(({ event, data }) => `${event} ${JSON.parse(data).name ?? ""}`.trim());
}

const QUARTER_MS = 250;

it("sends a browser that was away what it missed, in order, and nothing twice", async () => {
  const { stream, canaries } = replica();
  const ids = [stream.last];
  for (const name of ["a", "b", "c"]) {
    canaries.tell({ type: "added", object: canary(name) });
    await clock.advance(QUARTER_MS);
    ids.push(stream.last);
  }
  expect(ids.map((id) => away(stream, id))).toEqual([["row a", "row b", "row c"], ["row b", "row c"], ["row c"], []]);
});

it("tells a browser that comes from another replica, or from before a restart, to read everything anew", async () => {
  const [one, other] = [replica(), replica()];
  for (const { canaries } of [one, other]) canaries.tell({ type: "added", object: canary("a") });
  await clock.advance(QUARTER_MS);
  expect(away(other.stream, one.stream.last)).toEqual(["reset"]);
  expect(away(other.stream, other.stream.last)).toEqual([]);
});

it.each(["", "1", "nonsense", "-1", "x-1", "🦜"])("answers the id %j, which it never gave, by a reset", (since) => {
  expect(away(replica().stream, since)).toEqual(["reset"]);
});

it("tells a browser that was away for longer than it remembers to read everything anew", async () => {
  const { stream, canaries } = replica();
  const before = stream.last;
  for (let index = 0; index < 10_001; index += 1) canaries.tell({ type: "added", object: canary(`c${index}`) });
  await clock.advance(QUARTER_MS);
  expect(away(stream, before)).toEqual(["reset"]);
});

it("sends a canary that changes a hundred times within a quarter of a second once, as it is then", async () => {
  const { stream, canaries } = replica();
  const got: StreamEvent[] = [];
  stream.subscribe(undefined, (events) => got.push(...events));
  for (let weight = 1; weight <= 100; weight += 1)
    canaries.tell({ type: "modified", object: canary("a", weight) } as never);
  await clock.advance(QUARTER_MS);
  expect(got.map(({ event, data }) => [event, JSON.parse(data).weight])).toEqual([["row", 100]]);
});

it("names the canary whose record has grown, and the canary that is gone", async () => {
  const { stream, canaries, records } = replica();
  const got: StreamEvent[] = [];
  stream.subscribe(undefined, (events) => got.push(...events));
  records.tell({ type: "added", object: record("a") });
  canaries.tell({ type: "deleted", object: canary("b"), old: canary("b") });
  await clock.advance(QUARTER_MS);
  expect(got.map(({ event, namespace, data }) => [event, namespace, JSON.parse(data)])).toEqual([
    ["record", "test", { namespace: "test", name: "a" }],
    ["gone", "test", { namespace: "test", name: "b" }],
  ]);
});
