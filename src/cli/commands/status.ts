/** Waits for the end of a release, for CI: of a certain image or revision, with an exit code for each end. */
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { asUserError, connectCluster, watchPorts } from "../cluster.ts";
import { type Command, type ExitCode, UserError } from "../command.ts";
import {
  describeOptions,
  durationOf,
  type OptionSpec,
  OUTPUT,
  oneOf,
  type ReadOptions,
  readOptions,
} from "../options.ts";
import { factsOf, RUNNING, WAITING } from "../steer/facts.ts";
import { CANARY_OPTIONS } from "../steer/options.ts";
import { type CanaryName, canaryOf, canaryWord, imagesOf } from "../steer/seen.ts";

const OPTIONS = {
  until: { type: "string", help: "promoted, waiting, paused, apart by commas: wait for one of them, or another end" },
  image: { type: "string", help: "of the release that is meant: a whole image, or its end, e.g. :6.0.1" },
  revision: { type: "string", help: "of the release that is meant: status.lastAppliedSpec" },
  timeout: { type: "string", preset: "30m", help: "give up after this time" },
  ...OUTPUT,
  ...CANARY_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

const ENDS = {
  promoted: 0,
  "rolled back": 3,
  timeout: 4,
  "waits for people": 5,
  superseded: 6,
  "no such run": 7,
} as const satisfies Record<string, ExitCode>;

type End = keyof typeof ENDS;

export const statusCommand: Command = {
  help: `Usage: aviary status canary/NAME [--until promoted,waiting,paused] [OPTIONS]

Without --until: prints the present state, with its exit code. With it: waits, and prints a line for every change.
Name the release by --image, else a release that ended before is taken for it.

Exit codes: 0 promoted (or under way, without --until), 3 rolled back, 4 timeout, 5 waiting for people or paused,
6 superseded by another release, 7 no such release has begun.

Examples:
  aviary status canary/podinfo -n test
  aviary status canary/podinfo -n test --until promoted --image :6.0.1 --timeout 30m

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    const name = canaryWord(options.words);
    const until = untilOf(options);
    const timeout = durationOf(options.text("timeout") ?? "", "timeout", "90s or 5m");
    const client = await connectCluster(options, env);
    const at = { namespace: options.text("namespace") ?? client.namespace, name };
    const tell = (end: End | undefined, what: string): ExitCode => {
      if (asJson) out(`${JSON.stringify({ canary: name, namespace: at.namespace, end: end ?? "under way", what })}\n`);
      else out(`canary/${name}: ${end ?? "under way"}; ${what}\n`);
      return end === undefined ? 0 : ENDS[end];
    };
    try {
      const canary = await canaryOf(client, at, signal);
      const asked: Asked = { at, image: options.text("image"), revision: options.text("revision"), until };
      const stop = new AbortController();
      const cache = createClusterCache(watchPorts(client), AbortSignal.any([signal, stop.signal]), {
        namespace: at.namespace,
      });
      const type = TARGETS.find(({ kind }) => kind === canary.spec?.targetRef?.kind);
      const caches = {
        canaries: cache.track(RESOURCES.canary, at.namespace),
        targets: type === undefined ? undefined : cache.track(type, at.namespace),
      };
      try {
        await Promise.all([caches.canaries.synced, caches.targets?.synced]);
        const judge = judging(asked, caches);
        const first = judge();
        if (until.length === 0 || first.end !== undefined) return tell(first.end, first.what);
        const last = await following(judge, caches, timeout, signal, (what) => err(`canary/${name}: ${what}\n`));
        return tell(last.end, last.what);
      } finally {
        stop.abort(new Error("the state is known"));
      }
    } catch (error) {
      throw asUserError(error);
    }
  },
};

const TARGETS: readonly ResourceType[] = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];
const UNTIL = ["promoted", "waiting", "paused"];

function untilOf(options: ReadOptions): readonly string[] {
  const words = options.text("until")?.split(",") ?? [];
  const unknown = words.find((word) => !UNTIL.includes(word));
  if (unknown !== undefined) throw new UserError(`--until must be some of ${UNTIL.join(", ")}, found "${unknown}"`, 2);
  return words;
}

interface Asked {
  readonly at: CanaryName;
  readonly image: string | undefined;
  readonly revision: string | undefined;
  readonly until: readonly string[];
}

interface Caches {
  readonly canaries: ReturnType<ReturnType<typeof createClusterCache>["track"]>;
  readonly targets: ReturnType<ReturnType<typeof createClusterCache>["track"]> | undefined;
}

interface State {
  readonly end: End | undefined;
  readonly what: string;
  /** Whether the release that is meant is the one that the target asks for. */
  readonly begun: boolean;
}

/** The release that is meant may begin after the first look, and another may take its place later. */
function judging({ at, image, revision, until }: Asked, { canaries, targets }: Caches): () => State {
  let begun = false;
  const runs = (workload: KubeObject | undefined): boolean =>
    image === undefined ||
    (workload !== undefined && imagesOf(workload).some((one) => one === image || one.endsWith(image)));
  return () => {
    const canary = canaries.get(at.namespace, at.name);
    if (canary === undefined) return { end: "no such run", what: "the Canary was deleted", begun };
    const facts = factsOf(canary);
    const { name } = canary.spec?.targetRef ?? {};
    const isMeant = revision === undefined || facts.revision === revision;
    const isAsked = isMeant && runs(targets?.get(at.namespace, name));
    const isServed = isMeant && runs(targets?.get(at.namespace, `${name}-primary`));
    const isRunning = RUNNING.includes(facts.phase);
    const state = (end: End | undefined, what = facts.what): State => ({ end, what, begun });
    if (isServed && (facts.phase === "Succeeded" || facts.phase === "Initialized")) return state("promoted");
    if (begun && !isAsked) return state("superseded", "the target asks for something else");
    if (isAsked && isRunning) begun = true;
    if (isAsked && facts.phase === "Failed") return state("rolled back");
    const waits = until.length === 0 || until.includes("waiting");
    if (isAsked && WAITING.includes(facts.phase) && waits) return state("waits for people");
    if (isAsked && facts.hold !== undefined && (until.length === 0 || until.includes("paused"))) {
      return state("waits for people");
    }
    return until.length === 0 && !isAsked ? state("no such run", "the target does not ask for it") : state(undefined);
  };
}

function following(
  judge: () => State,
  { canaries, targets }: Caches,
  timeoutMs: number,
  signal: AbortSignal,
  tell: (what: string) => void,
): Promise<State> {
  return new Promise((resolve, reject) => {
    let said = "";
    const look = () => {
      const state = judge();
      if (state.end !== undefined) return end(state);
      if (state.what !== said) tell(state.what);
      said = state.what;
    };
    const late = () => {
      const state = judge();
      end({ ...state, end: state.begun ? "timeout" : "no such run", what: state.what });
    };
    const timer = setTimeout(late, timeoutMs);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const stops = [canaries.onChange(look), targets?.onChange(look)];
    function end(state: State): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      queueMicrotask(() => {
        for (const stop of stops) stop?.();
      });
      resolve(state);
    }
  });
}
