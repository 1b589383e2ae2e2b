import { RESOURCES } from "../../ports/kubernetes.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { kindOf, objectWords } from "../kinds.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", help: "namespace of the Deployment; else the context's" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const bumpCommand: Command = {
  help: `Usage: aviary bump deployment/NAME [OPTIONS]

Examples:
  aviary bump deployment/podinfo -n test

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const { kind, name } = objectWords(options.words);
    const type = RESOURCES.deployment;
    if (kindOf(kind) !== type) throw new UserError("only Deployments have an image to bump", 2);
    const { kube, namespace, name: cluster } = await connectCluster(options, env);
    const ref = { type, namespace: options.text("namespace") ?? namespace, name };
    err(`cluster: ${cluster}\n`);
    try {
      const deployment = await kube.get(ref, signal);
      if (deployment === undefined) throw new UserError(`deployment "${name}" not found in namespace ${ref.namespace}`);
      const image: string = deployment.spec?.template?.spec?.containers?.[0]?.image ?? "";
      const next = nextImage(image);
      const path = "/spec/template/spec/containers/0/image";
      // The image must still be the one that was read: two bumps at once would become one.
      const operations = [{ op: "test", path, value: image } as const, { op: "replace", path, value: next } as const];
      await kube.jsonPatch(ref, operations, {}, signal);
      out(`deployment/${name} image: ${image} -> ${next}\n`);
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

/** "podinfo:6.0.0" -> "podinfo:6.0.1". @throws UserError when the tag does not end in a number */
export function nextImage(image: string): string {
  const [, front = "", number] = /^(.*:.*?)(\d+)$/.exec(image) ?? [];
  if (number === undefined) throw new UserError(`image "${image}" has no version to count up: set it by hand`);
  return `${front}${Number(number) + 1}`;
}
