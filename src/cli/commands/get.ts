/** Lists objects in the columns that the API server gives them, as kubectl does; `-w` goes on with every change. */
import { stringify } from "yaml";
import type { KubeTransport } from "../../kube/transport.ts";
import {
  collectionPath,
  type KubeFields,
  type KubeObject,
  objectPath,
  type ResourceType,
} from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { coloured, type Paint } from "../colour.ts";
import { alignColumns, humanAge } from "../columns.ts";
import { type Command, type CommandContext, type ExitCode, UserError } from "../command.ts";
import { findKind } from "../kinds.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

const OPTIONS = {
  namespace: { type: "string", short: "n", help: "namespace; else the context's" },
  "all-namespaces": { type: "boolean", short: "A", help: "all namespaces" },
  selector: { type: "string", short: "l", help: "only objects with these labels, e.g. app=podinfo" },
  watch: { type: "boolean", short: "w", help: "print a line for every change, until interrupted" },
  output: { type: "string", short: "o", preset: "table", help: "table, wide, name, json or yaml" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

const OUTPUTS = ["table", "wide", "name", "json", "yaml"];

export const getCommand: Command = {
  help: `Usage: aviary get KIND [NAME] [OPTIONS]

KIND is a kind, its plural or its short name: canaries, deploy, po, svc, hpa, cm, vs ...; Canaries when it is left out.

Examples:
  aviary get canaries -A
  aviary get po -n test -l app=podinfo-primary
  aviary get canary/podinfo -n test -w
  aviary get deploy podinfo -n test -o yaml

${describeOptions(OPTIONS)}`,
  async run(context) {
    const { argv, env, signal } = context;
    const options = readOptions(argv, OPTIONS);
    const [word = "canaries", name, ...more] = options.words.flatMap((given) => given.split("/"));
    if (more.length > 0) throw new UserError("name one kind and at most one object, e.g. canary/podinfo", 2);
    const output = options.text("output") ?? "table";
    if (!OUTPUTS.includes(output)) throw new UserError(`--output must be ${OUTPUTS.join(", ")}, found "${output}"`, 2);
    const selector = options.text("selector");
    if (name !== undefined && selector !== undefined) throw new UserError("give a name or -l, not both", 2);
    const client = await connectCluster(options, env);
    try {
      const type = await findKind(client.transport, word, signal);
      const all = options.flag("all-namespaces") && type.namespaced;
      const namespace = all || !type.namespaced ? "" : (options.text("namespace") ?? client.namespace);
      const asked: Asked = { type, namespace, name, selector, output, all };
      return await (options.flag("watch") ? watch(client.transport, asked, context) : once(client, asked, context));
    } catch (error) {
      throw asUserError(error);
    }
  },
};

interface Asked {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly selector: string | undefined;
  readonly output: string;
  readonly all: boolean;
}

async function once(
  { transport, kube }: { transport: KubeTransport; kube: Reader },
  asked: Asked,
  { out, err, env, signal }: CommandContext,
): Promise<ExitCode> {
  const { type, namespace, name, selector, output, all } = asked;
  if (output === "table" || output === "wide") {
    const table = await tableOf(transport, asked, signal);
    if (table.rows.length === 0) err(nothingFound(all, namespace));
    else out(printTable(table, asked, coloured(env)));
    return 0;
  }
  const query = selector === undefined ? {} : { labelSelector: selector };
  const objects =
    name === undefined
      ? await kube.list(type, namespace, query, signal)
      : [existing(await kube.get({ type, namespace, name }, signal), type, name)];
  if (output === "name") {
    out(objects.map(({ metadata }) => `${type.kind.toLowerCase()}/${metadata.name}\n`).join(""));
    return 0;
  }
  const whole = name === undefined ? { apiVersion: "v1", kind: "List", items: objects } : objects[0];
  out(output === "json" ? `${JSON.stringify(whole, null, 2)}\n` : stringify(whole));
  return 0;
}

type Reader = Awaited<ReturnType<typeof connectCluster>>["kube"];

const nothingFound = (all: boolean, namespace: string): string =>
  all || namespace === "" ? "No resources found\n" : `No resources found in ${namespace} namespace.\n`;

function existing(object: KubeObject | undefined, { plural }: ResourceType, name: string): KubeObject {
  if (object === undefined) throw new UserError(`${plural} "${name}" not found`);
  return object;
}

interface Table {
  readonly columns: readonly { readonly name: string; readonly priority: number; readonly type: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly metadata: KubeObject["metadata"] }[];
  readonly resourceVersion: string;
}

const ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async function tableOf(transport: KubeTransport, asked: Asked, signal: AbortSignal): Promise<Table> {
  const { type, namespace, name, selector } = asked;
  const path = name === undefined ? collectionPath(type, namespace) : objectPath({ type, namespace, name });
  const query = selector === undefined ? {} : { labelSelector: selector };
  return readTable(await transport.send({ method: "GET", path, query, accept: ACCEPT }, signal));
}

/** A server that prints no tables answers with the objects: their names and ages are shown. */
function readTable(answer: KubeFields): Table {
  if (answer?.kind !== "Table") {
    const objects: KubeObject[] = answer?.items ?? [answer];
    const rows = objects.map(({ metadata }) => ({ cells: [metadata.name, metadata.creationTimestamp], metadata }));
    const columns = ["Name", "Age"].map((name) => ({ name, priority: 0, type: name === "Age" ? "date" : "string" }));
    return { columns, rows, resourceVersion: answer?.metadata?.resourceVersion ?? "" };
  }
  return {
    columns: answer.columnDefinitions ?? [],
    rows: (answer.rows ?? []).map(({ cells, object }: KubeFields) => ({ cells, metadata: object?.metadata ?? {} })),
    resourceVersion: answer.metadata?.resourceVersion ?? "",
  };
}

function printTable(table: Table, asked: Asked, paint: Paint, head = true): string {
  const shown = table.columns
    .map((column, index) => ({ ...column, index }))
    .filter(({ priority }) => priority === 0 || asked.output === "wide");
  const title = [...(asked.all ? ["NAMESPACE"] : []), ...shown.map(({ name }) => name.toUpperCase())];
  const rows = [...table.rows]
    .sort((a, b) => keyOf(a.metadata).localeCompare(keyOf(b.metadata)))
    .map(({ cells, metadata }) => [
      ...(asked.all ? [metadata.namespace ?? ""] : []),
      ...shown.map(({ index, type }) => cellText(cells[index], type)),
    ]);
  const [first = "", ...lines] = alignColumns([title, ...rows].map((cells) => cells.join("\t"))).split("\n");
  return [...(head ? [paint.bold(first)] : []), ...lines.map(paint.states)].map((line) => `${line}\n`).join("");
}

const keyOf = (metadata: KubeObject["metadata"]) => `${metadata.namespace ?? ""}/${metadata.name}`;

function cellText(cell: unknown, type: string): string {
  if (cell === undefined || cell === null || cell === "") return type === "date" ? "<unknown>" : "";
  const text = String(cell);
  const time = type === "date" ? Date.parse(text) : Number.NaN;
  return Number.isFinite(time) ? humanAge(systemClock.now() - time) : text;
}

/** The list, then a line for each change. Ends when it is interrupted, or when the server ends it. */
async function watch(transport: KubeTransport, asked: Asked, context: CommandContext): Promise<ExitCode> {
  const { out, env, signal } = context;
  const { type, namespace, name, selector, output } = asked;
  if (output !== "table" && output !== "wide") throw new UserError("-w prints a table: leave out -o, or say wide", 2);
  const paint = coloured(env);
  const collection = { ...asked, name: undefined };
  const listed = await tableOf(transport, collection, signal);
  const mine = (table: Table): Table => ({
    ...table,
    rows: table.rows.filter(({ metadata }) => name === undefined || metadata.name === name),
  });
  let { columns } = listed;
  out(printTable(mine(listed), asked, paint));
  const query = {
    watch: "true",
    resourceVersion: listed.resourceVersion,
    ...(selector === undefined ? {} : { labelSelector: selector }),
  };
  try {
    const path = collectionPath(type, namespace);
    for await (const event of await transport.stream({ path, query, accept: ACCEPT }, signal)) {
      if (event?.type === "BOOKMARK") continue;
      if (event?.type === "ERROR") throw new UserError(String(event.object?.message ?? "the watch was ended"));
      const table = readTable(event?.object);
      // Only the first event of a watch carries the columns.
      columns = table.columns.length > 0 ? table.columns : columns;
      const changed = mine({ ...table, columns });
      if (changed.rows.length > 0) out(printTable(changed, asked, paint, false));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return signal.aborted ? 130 : 0;
}
