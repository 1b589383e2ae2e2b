/** Waits for a phase of a Canary, and says meanwhile what the Canary does. */

import { TRANSITIONS } from "../../core/phases/table.ts";
import { didYouMean } from "../../core/spec/nearest.ts";
import { createClusterCache } from "../../kube/cluster-cache.ts";
import type { ObjectCache } from "../../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { CLUSTER_OPTIONS, connectCluster, watchPorts } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { kindOf, objectWords } from "../kinds.ts";
import { describeOptions, durationOf, type OptionSpec, type ReadOptions, readOptions } from "../options.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", help: "namespace of the Canary; else the context's" },
  phase: {
    type: "string",
    preset: "Initialized,Succeeded",
    help: "comma-separated phases, one of which to wait for; initialized: any but Initializing",
  },
  timeout: { type: "string", preset: "2m", help: "give up after this time" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

const PHASES = Object.keys(TRANSITIONS).filter((phase) => phase !== "");
/** Phases in which a run has ended: waiting on for another phase would only end with the time. */
const FINAL = ["Succeeded", "Failed"];

export const waitCommand: Command = {
  help: `Usage: aviary wait canary/NAME [OPTIONS]

The events of the Canary are printed on the standard error. The command ends with code 1 when the run ends in another
phase.

Examples:
  aviary wait canary/podinfo -n test
  aviary wait canary/podinfo -n test --phase Succeeded --timeout 30m

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const { kind, name } = objectWords(options.words);
    if (kindOf(kind) !== RESOURCES.canary) throw new UserError("only Canaries have phases to wait for", 2);
    const phases = wantedPhases(options);
    const timeout = durationOf(options.text("timeout") ?? "", "timeout", "90s or 5m");
    const client = await connectCluster(options, env);
    const namespace = options.text("namespace") ?? client.namespace;
    const done = new AbortController();
    const cache = createClusterCache(watchPorts(client), AbortSignal.any([signal, done.signal]), { namespace });
    try {
      const canaries = cache.track(RESOURCES.canary, namespace);
      const end = await phaseReached({ canaries, name, phases, timeout, signal, err });
      if (end.kind !== "reached") {
        const why = end.kind === "timeout" ? ` after ${options.text("timeout")}` : "";
        const wanted = (options.text("phase") ?? "").split(",").join(" or ");
        throw new UserError(`canary/${name} is ${end.phase || "not there"}${why}, not ${wanted}${end.hint}`);
      }
      out(`canary/${name} is ${end.phase}\n`);
      return 0;
    } finally {
      done.abort(new Error("the wait is over"));
    }
  },
};

function wantedPhases(options: ReadOptions): readonly string[] {
  const words = (options.text("phase") ?? "").split(",");
  if (words.length === 1 && words[0] === "initialized") return PHASES.filter((phase) => phase !== "Initializing");
  // "initialized" stands beside the names of phases: people write those in small letters, too.
  const phaseOf = (word: string) => PHASES.find((phase) => phase.toLowerCase() === word.toLowerCase());
  const unknown = words.find((word) => phaseOf(word) === undefined);
  if (unknown === undefined) return words.flatMap((word) => phaseOf(word) ?? []);
  const hint = didYouMean(unknown, PHASES);
  throw new UserError(`--phase: a Canary has no phase "${unknown}"${hint}, use some of ${PHASES.join(", ")}`, 2);
}

interface Waiting {
  readonly canaries: ObjectCache;
  readonly name: string;
  readonly phases: readonly string[];
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly err: CommandContext["err"];
}

interface End {
  readonly kind: "reached" | "ended" | "timeout";
  readonly phase: string;
  /** What to do, when the phase was not reached. */
  readonly hint: string;
}

function phaseReached({ canaries, name, phases, timeout, signal, err }: Waiting): Promise<End> {
  return new Promise((resolve, reject) => {
    let phase: string | undefined;
    let said = "";
    const end = (kind: End["kind"], hint = "") => resolve({ kind, phase: phase ?? "", hint });
    canaries.onChange(({ type, object }) => {
      if (object.metadata.name !== name) return;
      if (type === "deleted") {
        phase = "";
        end("ended", ": it was deleted");
        return;
      }
      const before = phase;
      phase = object.status?.phase ?? "";
      if (phases.includes(phase ?? "")) {
        end("reached");
        return;
      }
      const text = progressOf(object);
      if (text !== said) err(`canary/${name}: ${text}\n`);
      said = text;
      if (before !== undefined && before !== phase && FINAL.includes(phase ?? "")) end("ended", `: ${causeOf(object)}`);
    });
    void canaries.synced.then(
      () => {
        if (canaries.absent) reject(new UserError("the cluster does not know Canaries: apply deploy/crds first"));
        if (phase === undefined) err(`canary/${name} is not there yet\n`);
      },
      () => undefined,
    );
    const timer = setTimeout(() => {
      if (canaries.trouble !== undefined) reject(new UserError(canaries.trouble));
      else end("timeout", phase === "" ? "; is the operator running?" : "; see aviary describe");
    }, timeout);
    timer.unref();
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

function progressOf({ status }: KubeObject): string {
  const { phase = "", canaryWeight = 0, failedChecks = 0 } = status ?? {};
  if (phase === "") return "waits for the operator";
  const weight = canaryWeight > 0 ? `, weight ${canaryWeight}` : "";
  const failed = failedChecks > 0 ? `, failed checks ${failedChecks}` : "";
  return `${phase}${weight}${failed}`;
}

/** The last condition's message: the operator says there why a run ended. */
function causeOf({ status }: KubeObject): string {
  const [condition] = status?.conditions ?? [];
  return String(condition?.message ?? "see aviary describe");
}
