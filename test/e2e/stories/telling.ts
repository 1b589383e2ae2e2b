/**
 * Every story is told twice: as it is, and with the operator killed (`kill -9`) in its middle. Its end is the same.
 *
 *   undisturbed: one operator looks after all the namespaces
 *   with kills:  each has its own, which is killed at the first, second or third write in one of the phases of its story
 *                (or where the story itself says so: at a gate, in a restoration)
 *
 * Which phase and which write is drawn from the seed of test/seed.ts, which is part of the tests' names: another seed draws others.
 */
import { afterAll, beforeAll, describe, type ExpectStatic, vi } from "vitest";
import { type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { SEED } from "../../seed.ts";
import { type Stage, type Story, stage } from "./story.ts";
import { startTown, type Town } from "./town.ts";

export interface Telling {
  readonly town: Town;
  /** As `stage` of story.ts. @param killedIn phases to draw from; empty: the story itself says when, with `kill` */
  stage(namespace: string, plot: Stage, killedIn?: readonly string[]): Promise<Story>;
  /** The operator of the namespace is killed now, where it is at all. */
  kill(namespace: string): Promise<void>;
  /** What was said is as promised: word by word, or, of an operator that was killed, as far as it came to say it. */
  said(expect: ExpectStatic, lines: readonly string[], promised: readonly unknown[]): void;
}

/** The story itself says when, with `kill`. */
export const BY_HAND: readonly string[] = [];

/** Where a story may lose its operator: one that never comes there loses it with its last write. */
const ANYWHERE = ["Initializing", "Progressing", "Promoting", "Finalising"];

const WORKLOADS = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet, RESOURCES.knativeService];

/** Registers the stories in a town with one operator for all. */
export function undisturbed(...stories: readonly ((telling: Telling) => void)[]): void {
  vi.setConfig({ testTimeout: 120_000 });
  const town = townOfTests([""]);
  const telling: Telling = {
    get town() {
      return town();
    },
    async stage(namespace, plot) {
      await town().clear(namespace);
      return stage(town(), namespace, plot);
    },
    kill: async () => undefined,
    said: (expect, lines, promised) => expect(lines).toEqual(promised),
  };
  for (const register of stories) register(telling);
}

/** Registers the stories in a town in which every one has its operator, which is killed. */
export function withKills(...stories: readonly ((telling: Telling) => void)[]): void {
  vi.setConfig({ testTimeout: 120_000 });
  const seed = SEED % 100_000;
  const town = townOfTests([]);
  const killed = new Set<string>();
  const kill = (namespace: string) => {
    killed.add(namespace);
    return town().killOperator(namespace);
  };
  const telling: Telling = {
    get town() {
      return town();
    },
    kill,
    async stage(namespace, plot, killedIn = ANYWHERE) {
      killed.delete(namespace);
      await town().clear(namespace);
      await town().employ(namespace);
      if (killedIn.length > 0)
        void killAt(town(), namespace, momentOf(seed, namespace, killedIn), () => kill(namespace));
      // Less of a crowd than in the other telling: every operator that starts takes its time of the same two cores.
      const story = await stage(town(), namespace, { load: 10, requestsPerSecond: 6, ...plot });
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
      // A turn has no more to say than that of a first step: a rollback hook, the beginning, two load tests, the weight.
      expect(due.length - kept.length, `unsaid of ${JSON.stringify(due)}`).toBeLessThanOrEqual(5);
    },
  };
  describe(`the operator is killed (AVIARY_SEED=${seed}):`, () => {
    for (const register of stories) register(telling);
  });
}

function townOfTests(operators: readonly string[]): () => Town {
  let town: Town | undefined;
  beforeAll(async () => {
    town = await startTown({ operators });
  });
  afterAll(() => town?.stop());
  return () => {
    if (town === undefined)
      throw new Error("the town is not there yet: it is for tests only, not for their registration");
    return town;
  };
}

function isAsPromised(line: string, promised: unknown): boolean {
  if (typeof promised === "string") return promised === line;
  return (promised as { asymmetricMatch(line: string): boolean }).asymmetricMatch(line);
}

interface Moment {
  readonly phase: string;
  /** Writes in that phase before the one at which it is killed. */
  readonly writes: number;
}

function momentOf(seed: number, name: string, phases: readonly string[]): Moment {
  let draw = seed;
  for (const char of name) draw = (Math.imul(draw, 31) + char.charCodeAt(0)) >>> 0;
  draw = (Math.imul(draw ^ (draw >>> 15), 0x2c1b3c6d) >>> 8) & 0xffff;
  return { phase: phases[draw % phases.length] as string, writes: Math.floor(draw / phases.length) % 3 };
}

/** Kills at once when the write has been stored, so that the operator may not even hear of it; at the end at the latest. */
function killAt({ sandbox: { cluster } }: Town, namespace: string, moment: Moment, kill: () => Promise<void>): void {
  const specs = new Map<string, unknown>();
  let writes = -1;
  let over = false;
  const written = () => {
    const phase = cluster.get(RESOURCES.canary, namespace, "podinfo")?.status?.phase;
    if (phase === moment.phase || writes >= 0) writes += 1;
    const last = phase === "Succeeded" || phase === "Failed";
    if (over || (writes < moment.writes && !last)) return;
    over = true;
    kill().catch(() => undefined); // the story's end tells
    queueMicrotask(() => {
      for (const stop of stops) stop();
    });
  };
  /** Of workloads only what somebody wants of them counts, not how far they are. */
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
