/** Shows what a Canary will go through, before it is applied. */
import { doubtText } from "../../core/spec/doubts.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { bareVariablesFor } from "../bare-variables.ts";
import { givenManifests, hopelessOf, planned } from "../canaries.ts";
import { type Command, UserError } from "../command.ts";
import { readForShow } from "../manifests.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions } from "../options.ts";
import { planText } from "../plan-text.ts";
import { referencedBy } from "../referenced.ts";

const OPTIONS = {
  "mesh-provider": { type: "string", preset: DEFAULT_PROVIDER, help: "provider of Canaries that name none" },
  ...OUTPUT,
} as const satisfies Record<string, OptionSpec>;

export const planCommand: Command = {
  help: `Usage: aviary plan FILE|FOLDER|-... [OPTIONS]

Targets, Services and other objects in the files count: a Canary that would be refused because of one of them is
refused. A Canary whose releases could never succeed is planned, and said to be so: the exit code is 1.

Examples:
  aviary plan examples/podinfo
  kubectl get canary podinfo -n test -o yaml | aviary plan -

${describeOptions(OPTIONS)}`,
  run({ argv, out, err }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary", 2);
    const manifests = readForShow(options.words);
    const canaries = manifests.filter(({ kind }) => kind === "Canary");
    if (canaries.length === 0) throw new UserError(`there is no Canary in ${options.words.join(", ")}`);
    const meshProvider = options.text("mesh-provider") ?? DEFAULT_PROVIDER;
    const given = givenManifests(manifests);
    const plans = canaries.map((canary) => planned(canary, meshProvider, given));
    const referenced = canaries.map((canary) => referencedBy(canary, manifests));
    const shown = plans.map(({ name, spec, plan, notes, doubts }, i) => {
      const bare = canaries.slice(i, i + 1).flatMap((canary) => bareVariablesFor(canary, manifests));
      const said = [
        ...notes,
        ...bare,
        ...(referenced[i]?.notes ?? []),
        ...doubts.filter(({ always }) => !always || asJson).map(doubtText),
      ];
      return asJson
        ? { ...plan, name, intervalMs: spec.analysis.intervalMs, notes: said }
        : planText(name, spec, plan, said);
    });
    out(asJson ? `${JSON.stringify(shown, null, 2)}\n` : shown.join("\n"));
    const hopeless = plans.flatMap((one, i) => [
      ...hopelessOf(one),
      ...(referenced[i]?.hopeless ?? []).map((text) => `${one.name}: ${text}`),
    ]);
    for (const line of hopeless) err(`aviary plan: ${line}\n`);
    return Promise.resolve(hopeless.length === 0 ? 0 : 1);
  },
};
