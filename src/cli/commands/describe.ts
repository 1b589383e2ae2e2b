import { RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { describeObject } from "../describe.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", preset: "default", help: "namespace of the object" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const describeCommand: Command = {
  help: `Usage: aviary describe KIND/NAME [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    const { type, name } = objectOf(options.words);
    const namespace = options.text("namespace") ?? "default";
    const { kube } = await connectCluster(options, env);
    try {
      const object = await kube.get({ type, namespace, name }, signal);
      if (object === undefined) throw new UserError(`${type.plural} "${name}" not found in namespace ${namespace}`);
      const fieldSelector = `involvedObject.uid=${object.metadata.uid}`;
      const events = await kube.list(RESOURCES.event, namespace, { fieldSelector }, signal);
      out(describeObject({ ...object }, events, systemClock.now()));
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

/** "canary/podinfo", "canary podinfo", "Canary.flagger.app/podinfo". @throws UserError (exit code 2) */
export function objectOf(words: readonly string[]): { readonly type: ResourceType; readonly name: string } {
  const [kind = "", name = ""] = words.length === 1 ? (words[0] ?? "").split("/") : words;
  if (name === "" || words.length > 2 || (words.length === 2 && kind.includes("/")))
    throw new UserError("name one object as KIND/NAME, e.g. canary/podinfo", 2);
  return { type: kindOf(kind), name };
}

/** @throws UserError (exit code 2) for a kind that Aviary has nothing to do with */
export function kindOf(word: string): ResourceType {
  const [wanted = ""] = word.toLowerCase().split(".");
  const found = Object.values(RESOURCES).find(({ kind, plural }) => kind.toLowerCase() === wanted || plural === wanted);
  if (found !== undefined) return found;
  const known = Object.values(RESOURCES).map(({ plural }) => plural);
  throw new UserError(`kind "${word}" is not known here, use one of ${known.join(", ")}`, 2);
}
