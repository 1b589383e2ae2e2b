/** The inbox: releases that wait for a person, with the command that answers each. */
import { RESOURCES } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { alignColumns, humanAge } from "../columns.ts";
import type { Command } from "../command.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions, refuseWords } from "../options.ts";
import { factsOf, gatesOf, WAITING } from "../steer/facts.ts";
import { NAMESPACE } from "../steer/options.ts";
import { covered } from "../steer/scope.ts";

const OPTIONS = {
  ...NAMESPACE,
  "all-namespaces": { type: "boolean", short: "A", help: "all namespaces" },
  ...OUTPUT,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const gatesCommand: Command = {
  help: `Usage: aviary gates [OPTIONS]\n\nExamples:\n  aviary gates -A\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    refuseWords(options);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    const client = await connectCluster(options, env);
    try {
      const context = { err, signal };
      const { objects } = await covered(client, RESOURCES.canary, options, context, { isForPeople: !asJson });
      const waiting = objects
        .map(factsOf)
        .filter(({ phase, hold }) => WAITING.includes(phase) || hold !== undefined)
        .map((facts) => {
          const gates = gatesOf(facts);
          const place = `canary/${facts.name} -n ${facts.namespace}`;
          const verb =
            facts.hold === undefined ? `approve ${place}${gates.length > 1 ? " GATE" : ""}` : `resume ${place}`;
          const { namespace: where, name, phase, what, since } = facts;
          return { namespace: where, name, phase, gates, what, since, answer: `aviary ${verb}` };
        });
      if (asJson) out(`${JSON.stringify(waiting, null, 2)}\n`);
      else if (waiting.length === 0) err("no release waits for a person\n");
      else {
        const rows = waiting.map(({ namespace: where, name, what, since, answer }) => {
          const age = since === 0 ? "" : humanAge(systemClock.now() - since);
          return [where, name, age, what, answer].join("\t");
        });
        out(`${alignColumns(["NAMESPACE\tNAME\tSINCE\tWHAT\tANSWER WITH", ...rows])}\n`);
      }
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};
