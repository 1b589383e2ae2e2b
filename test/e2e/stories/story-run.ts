/**
 * Every story runs twice: withoutKills, and with the operator killed (`kill -9`) during it. Its end is the same. With
 * kills the suite runs one story of each kind of target, strategy and ending. The further stories run with kills at
 * night (NIGHTLY).
 *
 *   undisturbed: one operator for all namespaces
 *   with kills:  each namespace has its own operator, which is killed at the first, second or third write in one of the
 *                phases of its story (or where the story itself says so: at a gate, in a restoration)
 *
 * Phase and write are drawn from the seed of test/seed.ts, which is part of the tests' names: another seed draws
 * others.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  afterAll,
  aroundEach,
  beforeAll,
  describe,
  type ExpectStatic,
  it,
  type TestAPI,
  type TestContext,
} from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { NIGHTLY, SEED } from "../../seed.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { type Stage, type Story, stage } from "./story.ts";

export interface StoryRun {
  /** `it` for a further story of its kind: see above. */
  readonly further: Further;
  readonly fixture: Fixture;
  /** As `stage` of story.ts. @param killedIn phases to draw from; empty: the story itself calls `kill` */
  stage(namespace: string, plot: Stage, killedIn?: readonly string[]): Promise<Story>;
  /** Kills the operator of the namespace now, in the run with kills. */
  kill(namespace: string): Promise<void>;
  /** Compares the events: word by word, or, after a kill, as far as the killed operator came. */
  said(expect: ExpectStatic, lines: readonly string[], promised: readonly unknown[]): void;
}

/** The story itself calls `kill`. */
export type Further = Pick<TestAPI, "for"> & ((title: string, tell: (context: TestContext) => Promise<void>) => void);

/** Registers no test. */
const AT_NIGHT: Further = Object.assign(() => undefined, { for: () => () => undefined });

export const KILLED_BY_STORY: readonly string[] = [];

/** Where a story may lose its operator. A story that never reaches the phase loses it with its last write. */
const ANYWHERE = ["Initializing", "Progressing", "Promoting", "Finalising"];

const WORKLOADS = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet, RESOURCES.knativeService];

/** Registers the stories with one operator for all. */
export function withoutKills(...stories: readonly ((run: StoryRun) => void)[]): void {
  const fixture = townOfTests([""]);
  const run: StoryRun = {
    further: it,
    get fixture() {
      return fixture();
    },
    async stage(namespace, plot) {
      own.getStore()?.add(namespace);
      return stage(fixture(), namespace, plot);
    },
    kill: async () => undefined,
    said: (expect, lines, promised) => expect(lines).toEqual(promised),
  };
  for (const register of stories) register(run);
}

/** Registers the stories with one operator for each, which is killed. */
export function withOperatorKills(...stories: readonly ((run: StoryRun) => void)[]): void {
  const seed = SEED % 100_000;
  const fixture = townOfTests([]);
  const killed = new Set<string>();
  const kill = (namespace: string) => {
    killed.add(namespace);
    return fixture().killOperator(namespace);
  };
  const run: StoryRun = {
    further: NIGHTLY ? it : AT_NIGHT,
    get fixture() {
      return fixture();
    },
    kill,
    async stage(namespace, plot, killedIn = ANYWHERE) {
      own.getStore()?.add(namespace);
      killed.delete(namespace);
      await fixture().startOperatorFor(namespace);
      if (killedIn.length > 0)
        void killAt(fixture(), namespace, momentOf(seed, namespace, killedIn), () => kill(namespace));
      const story = await stage(fixture(), namespace, plot);
      const left = () => {
        if (!killed.has(namespace)) throw new Error(`${namespace}: its operator was not killed (seed ${seed})`);
      };
      return { ...story, end: (phase) => story.end(phase).finally(left), close: () => story.close().finally(left) };
    },
    said(expect, lines, promised) {
      const heard = [...new Set(lines.filter((line) => !line.includes("not as promised")))];
      const due = promised.filter((line, i) => promised.indexOf(line) === i);
      const kept = due.filter((line) => heard.some((one) => isAsPromised(one, line)));
      expect(heard).toEqual(kept);
      // The first step has the most events in one turn: a rollback hook, the start, two load tests, the weight.
      expect(due.length - kept.length, `unsaid of ${JSON.stringify(due)}`).toBeLessThanOrEqual(5);
    },
  };
  describe(`the operator is killed (AVIARY_SEED=${seed}):`, () => {
    for (const register of stories) register(run);
  });
}

/** The namespaces of the test that is running. */
const own = new AsyncLocalStorage<Set<string>>();

function townOfTests(operators: readonly string[]): () => Fixture {
  let fixture: Fixture | undefined;
  // Pods and an operator that are left behind would take time from the other stories.
  aroundEach(async (runTest) => {
    const namespaces = new Set<string>();
    try {
      await own.run(namespaces, runTest);
    } finally {
      for (const namespace of namespaces) await fixture?.clear(namespace);
    }
  });
  beforeAll(async () => {
    fixture = await startFixture({ operators });
  });
  afterAll(() => fixture?.stop());
  return () => {
    if (fixture === undefined)
      throw new Error("the fixture is not there yet: it is for tests only, not for their registration");
    return fixture;
  };
}

function isAsPromised(line: string, promised: unknown): boolean {
  if (typeof promised === "string") return promised === line;
  return (promised as { asymmetricMatch(line: string): boolean }).asymmetricMatch(line);
}

interface Moment {
  readonly phase: string;
  /** Writes in that phase before the one at which the operator is killed. */
  readonly writes: number;
}

function momentOf(seed: number, name: string, phases: readonly string[]): Moment {
  let draw = seed;
  for (const char of name) draw = (Math.imul(draw, 31) + char.charCodeAt(0)) >>> 0;
  draw = (Math.imul(draw ^ (draw >>> 15), 0x2c1b3c6d) >>> 8) & 0xffff;
  return { phase: phases[draw % phases.length] as string, writes: Math.floor(draw / phases.length) % 3 };
}

/** Kills as soon as the write is stored, so that the operator may not even get the answer; at the latest at the end. */
function killAt({ sandbox: { cluster } }: Fixture, namespace: string, moment: Moment, kill: () => Promise<void>): void {
  const specs = new Map<string, unknown>();
  let writes = -1;
  let over = false;
  const written = () => {
    const phase = cluster.get(RESOURCES.canary, namespace, "podinfo")?.status?.phase;
    if (phase === moment.phase || writes >= 0) writes += 1;
    const last = phase === "Succeeded" || phase === "Failed";
    if (over || (writes < moment.writes && !last)) return;
    over = true;
    kill().catch(() => undefined); // the end of the story shows it
    queueMicrotask(() => {
      for (const stop of stops) stop();
    });
  };
  /** For workloads only the spec counts, not the progress. */
  const isNew = ({ kind, metadata, spec, status }: KubeObject): boolean => {
    const key = `${kind}/${metadata.name}`;
    const text = JSON.stringify(kind === "Canary" ? status : spec);
    const before = specs.get(key);
    specs.set(key, text);
    return before !== text;
  };
  const stops = [RESOURCES.canary, RESOURCES.virtualService, ...WORKLOADS].map((type) =>
    cluster.watch(type, ({ object }) => {
      if (object.metadata.namespace === namespace && isNew(object)) written();
    }),
  );
}
