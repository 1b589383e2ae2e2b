/** Shows what a Canary will go through, before it is applied. */
import { planned } from "../canaries.ts";
import { type Command, UserError } from "../command.ts";
import { readManifests } from "../manifests.ts";
import { describeOptions, type OptionSpec, oneOf, readOptions } from "../options.ts";
import { planText } from "../plan-text.ts";

const OPTIONS = {
  "mesh-provider": { type: "string", preset: "istio", help: "provider of Canaries that name none" },
  output: { type: "string", short: "o", preset: "text", help: "text or json" },
} as const satisfies Record<string, OptionSpec>;

export const planCommand: Command = {
  help: `Usage: aviary plan FILE|FOLDER... [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  run({ argv, out }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary", 2);
    const canaries = readManifests(options.words).filter(({ kind }) => kind === "Canary");
    if (canaries.length === 0) throw new UserError(`there is no Canary in ${options.words.join(", ")}`);
    const meshProvider = options.text("mesh-provider") ?? "istio";
    const plans = canaries.map((canary) => planned(canary, meshProvider));
    const shown = plans.map(({ name, spec, plan, notes }) =>
      asJson
        ? { ...plan, name, strategy: spec.strategy, intervalMs: spec.analysis.intervalMs, notes }
        : planText(name, spec, plan, notes),
    );
    out(asJson ? `${JSON.stringify(shown, null, 2)}\n` : shown.join("\n"));
    return Promise.resolve(0);
  },
};
