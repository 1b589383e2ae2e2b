import { isForbidden, type KubeReader } from "../../ports/kube.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { describeObject } from "../describe.ts";
import { findKind, objectWords } from "../kinds.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { describeUnusedCopies, unusedCopies } from "../unused-copies.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", help: "namespace of the object; else the context's" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const describeCommand: Command = {
  help: `Usage: aviary describe KIND/NAME [OPTIONS]

Examples:
  aviary describe canary/podinfo -n test
  aviary describe deploy/podinfo-primary -n test

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    const { kind, name } = objectWords(options.words);
    const { kube, transport, namespace: preset } = await connectCluster(options, env);
    try {
      const type = await findKind(transport, kind, signal);
      const namespace = type.namespaced ? (options.text("namespace") ?? preset) : "";
      const object = await kube.get({ type, namespace, name }, signal);
      if (object === undefined)
        throw new UserError(
          `${type.plural} "${name}" not found${namespace === "" ? "" : ` in namespace ${namespace}`}`,
        );
      const fieldSelector = `involvedObject.uid=${object.metadata.uid}`;
      const events = await kube.list(RESOURCES.event, namespace, { fieldSelector }, signal);
      out(describeObject({ ...object }, events, systemClock.now()));
      const isCanary = type.group === RESOURCES.canary.group && type.kind === RESOURCES.canary.kind;
      if (isCanary) out(await unusedCopiesOf(object, namespace, kube, signal));
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

const CONFIGS = [RESOURCES.configMap, RESOURCES.secret] as const;
const READERS = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet] as const;

/** Who may not list Secrets is shown the Canary all the same. */
async function unusedCopiesOf(canary: KubeObject, namespace: string, kube: KubeReader, signal: AbortSignal) {
  const listed = async (types: readonly ResourceType[]) =>
    (
      await Promise.all(
        types.map(async (type) => {
          const objects = await kube.list(type, namespace, {}, signal);
          return objects.map((object) => ({ ...object, kind: type.kind }));
        }),
      )
    ).flat();
  try {
    const [configs, workloads] = await Promise.all([listed(CONFIGS), listed(READERS)]);
    return describeUnusedCopies(unusedCopies(canary, configs, workloads), namespace);
  } catch (error) {
    if (isForbidden(error)) return "";
    throw error;
  }
}
