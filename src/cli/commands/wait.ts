import { TRANSITIONS } from "../../core/canary.ts";
import { parseDuration } from "../../go/duration.ts";
import { createClusterCache } from "../../kube/cluster-cache.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import { systemClock } from "../../time/system-clock.ts";
import { CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { objectOf } from "./describe.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", preset: "default", help: "namespace of the Canary" },
  phase: { type: "string", preset: "Initialized,Succeeded", help: "comma-separated phases, one of which to wait for" },
  timeout: { type: "string", preset: "2m", help: "give up after this time" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

const PHASES = Object.keys(TRANSITIONS).filter((phase) => phase !== "");

export const waitCommand: Command = {
  help: `Usage: aviary wait canary/NAME [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    const { type, name } = objectOf(options.words);
    if (type !== RESOURCES.canary) throw new UserError("only Canaries have phases to wait for", 2);
    const namespace = options.text("namespace") ?? "default";
    const phases = (options.text("phase") ?? "").split(",");
    const unknown = phases.find((wanted) => !PHASES.includes(wanted));
    if (unknown !== undefined) {
      throw new UserError(`--phase: a Canary has no phase "${unknown}", use some of ${PHASES.join(", ")}`, 2);
    }
    const timeout = parseDuration(options.text("timeout") ?? "");
    if (typeof timeout !== "number") throw new UserError(`--timeout: ${timeout.message}`, 2);
    if (timeout <= 0) throw new UserError(`--timeout must be above 0, found "${options.text("timeout")}"`, 2);
    const { transport } = await connectCluster(options, env);
    const done = new AbortController();
    const world = { transport, clock: systemClock, random: Math.random, log: SILENT_LOG };
    const cache = createClusterCache(world, AbortSignal.any([signal, done.signal]), { namespace });
    const canaries = cache.track(type, namespace);
    let phase = "";
    const reached = new Promise<boolean>((resolve) => {
      canaries.onChange(({ object }) => {
        if (object.metadata.name !== name) return;
        phase = object.status?.phase ?? "";
        if (phases.includes(phase)) resolve(true);
      });
      setTimeout(() => resolve(false), timeout).unref();
      signal.addEventListener("abort", () => resolve(false), { once: true });
    });
    const ok = await reached;
    done.abort();
    if (!ok) throw new UserError(`canary/${name} is ${phase || "not there"}, not ${phases.join(" or ")}`);
    out(`canary/${name} is ${phase}\n`);
    return 0;
  },
};
