/** All Canaries with one sentence each: what it does, what it waits for, how its last release ended. */
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { coloured } from "../colour.ts";
import { alignColumns, humanAge } from "../columns.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, oneOf, type ReadOptions, readOptions, refuseWords } from "../options.ts";
import { type Facts, factsOf, isAttentionNeeded, RUNNING, stepText } from "../steer/facts.ts";
import { NAMESPACE } from "../steer/options.ts";
import { covered } from "../steer/scope.ts";
import { imagesOf, orNothing } from "../steer/seen.ts";

const OPTIONS = {
  ...NAMESPACE,
  "all-namespaces": { type: "boolean", short: "A", help: "all namespaces" },
  selector: { type: "string", short: "l", help: "only Canaries with these labels, e.g. team=shop" },
  attention: { type: "boolean", help: "only those that a person should look at" },
  output: { type: "string", short: "o", preset: "table", help: "table, name or json" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const listCommand: Command = {
  help: `Usage: aviary list [OPTIONS]

Examples:
  aviary list -A
  aviary list -A --attention
  aviary list -n test -o json

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    refuseWords(options);
    const output = oneOf(options, "output", ["table", "name", "json"]);
    const client = await connectCluster(options, env);
    const selector = options.text("selector");
    try {
      const query = selector === undefined ? {} : { labelSelector: selector };
      const context = { err, signal };
      const [{ objects: canaries, namespace }, deployments] = await Promise.all([
        covered(client, RESOURCES.canary, options, context, { query, isForPeople: output === "table" }),
        output === "name" ? [] : deploymentsFor(client, options, signal),
      ]);
      const rows = canaries
        .map((canary) => ({ facts: factsOf(canary), image: imageOf(canary, deployments) }))
        .filter(({ facts }) => !options.flag("attention") || isAttentionNeeded(facts))
        .sort(byKey);
      if (output === "json") out(`${JSON.stringify(rows.map(asJson), null, 2)}\n`);
      else if (output === "name") out(rows.map(({ facts }) => `canary/${facts.name}\n`).join(""));
      else if (rows.length === 0)
        err(options.flag("attention") ? "nothing needs attention\n" : `there are no Canaries${whereText(namespace)}\n`);
      else out(tableOf(rows, env));
      return 0;
    } catch (error) {
      throw missingKind(error);
    }
  },
};

interface Row {
  readonly facts: Facts;
  readonly image: string;
}

const keyOf = ({ facts: { namespace, name } }: Row) => `${namespace}/${name}`;
/** By code points, as kubectl does: the rules of languages take longer to load than the rest of the table. */
const byKey = (a: Row, b: Row) => (keyOf(a) < keyOf(b) ? -1 : 1);

function missingKind(error: unknown): unknown {
  const said = asUserError(error);
  const isMissing = said instanceof UserError && said.message.includes("could not find the requested resource");
  return isMissing ? new UserError("the cluster does not know Canaries: `aviary apply deploy/crds` first") : said;
}

const whereText = (namespace: string) =>
  namespace === "" ? "" : ` in namespace ${namespace}; -A lists all namespaces`;

/** Of all namespaces, or of the one that is shown where the user may not list all. */
async function deploymentsFor(client: ClusterClient, options: ReadOptions, signal: AbortSignal) {
  const quiet = { err: () => undefined, signal };
  return await orNothing(covered(client, RESOURCES.deployment, options, quiet).then(({ objects }) => objects));
}

function imageOf(canary: KubeObject, deployments: readonly KubeObject[]): string {
  const { name } = canary.spec?.targetRef ?? {};
  const target = deployments.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === canary.metadata.namespace,
  );
  return target === undefined ? "" : (imagesOf(target)[0]?.split("/").at(-1) ?? "");
}

function tableOf(rows: readonly Row[], env: Readonly<Record<string, string | undefined>>): string {
  const paint = coloured(env);
  const cells = rows.map(({ facts, image }) => {
    const isRunning = RUNNING.includes(facts.phase);
    const traffic = isRunning ? `${100 - facts.weight}/${facts.weight}` : "-";
    const failed = isRunning && facts.failedChecks > 0 ? `${facts.failedChecks}/${facts.threshold}` : "-";
    const since = facts.since === 0 ? "" : humanAge(systemClock.now() - facts.since);
    const { namespace, name, phase, what } = facts;
    return [namespace, name, phase || "-", stepText(facts), traffic, failed, image, since, what].join("\t");
  });
  const head = "NAMESPACE\tNAME\tPHASE\tSTEP\tTRAFFIC\tFAILED\tIMAGE\tSINCE\tWHAT";
  const [title = "", ...lines] = alignColumns([head, ...cells]).split("\n");
  return [paint.bold(title), ...lines.map(paint.states)].map((line) => `${line}\n`).join("");
}

function asJson({ facts, image }: Row) {
  const { namespace, name, phase, step, weight, failedChecks, threshold, revision, what, plan, hold, run } = facts;
  const steps = plan?.steps.length ?? 0;
  return { namespace, name, phase, step, steps, weight, failedChecks, threshold, revision, image, what, hold, run };
}
