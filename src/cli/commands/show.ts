/** One Canary as a tree; `-w` draws it again on every change. */
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, type ClusterClient, connectCluster, watchPorts } from "../cluster.ts";
import { coloured } from "../colour.ts";
import { type Command, type CommandContext, type ExitCode, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions } from "../options.ts";
import { factsOf, RUNNING, reasonFrom } from "../steer/facts.ts";
import { freezeInForce, holderOf } from "../steer/frozen.ts";
import { CANARY_OPTIONS } from "../steer/options.ts";
import { type CanaryName, canaryOf, canaryWord, copiesOf, eventsOf, freezesOf, runsOf } from "../steer/seen.ts";
import { type Scene, treeOf } from "../steer/tree.ts";

const OPTIONS = {
  watch: { type: "boolean", short: "w", help: "go on with every change, until interrupted" },
  ...OUTPUT,
  ...CANARY_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const showCommand: Command = {
  help: `Usage: aviary show canary/NAME [OPTIONS]

Steps with the present one, checks against their limits, gates with the command that answers them, the pods of both
copies with the reasons why they are not ready, the last events and runs.

Examples:
  aviary show canary/podinfo -n test
  aviary show canary/podinfo -n test -w

${describeOptions(OPTIONS)}`,
  async run(context) {
    const { argv, env, out, signal } = context;
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    if (asJson && options.flag("watch")) throw new UserError("-w prints text only", 2);
    const name = canaryWord(options.words);
    const client = await connectCluster(options, env);
    const at = { namespace: options.text("namespace") ?? client.namespace, name };
    try {
      const scene = await sceneOf(client, at, signal);
      if (asJson) {
        const { facts, copies, runs } = scene;
        const images = { canary: copies.canary?.images ?? [], primary: copies.primary?.images ?? [] };
        out(
          `${JSON.stringify({ ...facts, spec: undefined, images, runs: runs.map((run) => run.metadata.name) }, null, 2)}\n`,
        );
        return 0;
      }
      if (options.flag("watch")) return await watch(client, at, scene, context);
      out(treeOf(scene, coloured(env)));
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

async function sceneOf(client: ClusterClient, at: CanaryName, signal: AbortSignal): Promise<Scene> {
  const canary = await canaryOf(client, at, signal);
  const facts = factsOf(canary);
  const isUnderWay = RUNNING.includes(facts.phase);
  const [copies, events, runs, freezes] = await Promise.all([
    copiesOf(client, canary, signal),
    eventsOf(client, canary, signal),
    runsOf(client, at, signal),
    isUnderWay ? freezesOf(client, at.namespace, signal) : [],
  ]);
  const now = systemClock.now();
  const what = reasonFrom(facts, events) ?? facts.what;
  const heldBy = holderOf(facts.phase, freezeInForce(canary, freezes, now));
  return { facts: { ...facts, what }, copies, events, runs, heldBy, now };
}

const CLEAR = "\u001b[H\u001b[2J";

/** On a terminal the tree is drawn again; elsewhere each change is one line. */
async function watch(client: ClusterClient, at: CanaryName, first: Scene, context: CommandContext): Promise<ExitCode> {
  const { out, env, signal } = context;
  const isTerminal = process.stdout.isTTY === true;
  const paint = coloured(env);
  out(isTerminal ? CLEAR + treeOf(first, paint) : treeOf(first, paint));
  const canaries = createClusterCache(watchPorts(client), signal, { namespace: at.namespace }).track(
    RESOURCES.canary,
    at.namespace,
  );
  let said = lineOf(first);
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    canaries.onChange(async ({ type, object }) => {
      if (object.metadata.name !== at.name) return;
      if (type === "deleted") return reject(new UserError(`canary/${at.name} was deleted`));
      // The listener is called for one change after the other: the next waits until this one is drawn.
      const scene = await sceneOf(client, at, signal).catch(() => undefined);
      if (scene === undefined || lineOf(scene) === said) return;
      said = lineOf(scene);
      out(isTerminal ? CLEAR + treeOf(scene, paint) : `${new Date(scene.now).toISOString()}  ${said}\n`);
    });
  });
  return 130;
}

const lineOf = ({ facts: { phase, weight, what } }: Scene): string => `${phase || "-"} ${weight} %  ${what}`;
