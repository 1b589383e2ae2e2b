import { stringify } from "yaml";
import type { KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { alignColumns, humanAge } from "../columns.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { kindOf } from "./describe.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", preset: "default", help: "namespace" },
  "all-namespaces": { type: "boolean", short: "A", help: "all namespaces" },
  output: { type: "string", short: "o", preset: "table", help: "table, wide, json or yaml" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const getCommand: Command = {
  help: `Usage: aviary get KIND [NAME] [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const [word = "canaries", name, ...more] = options.words.flatMap((given) => given.split("/"));
    if (more.length > 0) throw new UserError("name one kind and at most one object, e.g. canary/podinfo", 2);
    const type = kindOf(word);
    const all = options.flag("all-namespaces");
    const namespace = all ? "" : (options.text("namespace") ?? "default");
    const output = options.text("output") ?? "table";
    const { kube } = await connectCluster(options, env);
    try {
      const objects =
        name === undefined
          ? await kube.list(type, namespace, {}, signal)
          : [await existing(await kube.get({ type, namespace, name }, signal), `${type.plural} "${name}" not found`)];
      if (objects.length === 0) {
        err(all ? "No resources found\n" : `No resources found in ${namespace} namespace.\n`);
        return 0;
      }
      out(render(objects, type, output, all, name !== undefined));
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

function existing(object: KubeObject | undefined, complaint: string): KubeObject {
  if (object === undefined) throw new UserError(complaint);
  return object;
}

function render(
  objects: readonly KubeObject[],
  type: ResourceType,
  output: string,
  withNamespace: boolean,
  single: boolean,
): string {
  const whole = single ? objects[0] : { apiVersion: "v1", kind: "List", items: objects };
  if (output === "json") return `${JSON.stringify(whole, null, 2)}\n`;
  if (output === "yaml") return stringify(whole);
  if (output !== "table" && output !== "wide") {
    throw new UserError(`--output must be table, wide, json or yaml, found "${output}"`, 2);
  }
  const columns = columnsOf(type, output === "wide");
  const head = [...(withNamespace ? ["NAMESPACE"] : []), "NAME", ...columns.map(({ title }) => title)];
  const rows = [...objects]
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b)))
    .map((object) => [
      ...(withNamespace ? [object.metadata.namespace ?? ""] : []),
      object.metadata.name,
      ...columns.map(({ cell }) => cell(object)),
    ]);
  return `${alignColumns([head, ...rows].map((cells) => cells.join("\t")))}\n`;
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace}/${metadata.name}`;

interface Column {
  readonly title: string;
  readonly cell: (object: KubeObject) => string;
}

const shown = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

const AGE: Column = {
  title: "AGE",
  cell: ({ metadata }) => humanAge(systemClock.now() - (Date.parse(metadata.creationTimestamp ?? "") || 0)),
};

/** The printer columns of the CRDs; other kinds show their age. */
function columnsOf(type: ResourceType, wide: boolean): readonly Column[] {
  if (type.kind !== RESOURCES.canary.kind) return [AGE];
  const more: readonly Column[] = [
    { title: "FAILEDCHECKS", cell: ({ status }) => shown(status?.failedChecks) },
    { title: "INTERVAL", cell: ({ spec }) => shown(spec?.analysis?.interval) },
    { title: "STEPWEIGHT", cell: ({ spec }) => shown(spec?.analysis?.stepWeight) },
    { title: "MAXWEIGHT", cell: ({ spec }) => shown(spec?.analysis?.maxWeight) },
  ];
  return [
    { title: "STATUS", cell: ({ status }) => shown(status?.phase) },
    { title: "WEIGHT", cell: ({ status }) => shown(status?.canaryWeight) },
    ...(wide ? more : []),
    { title: "LASTTRANSITIONTIME", cell: ({ status }) => shown(status?.lastTransitionTime) },
  ];
}
