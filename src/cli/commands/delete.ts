/** Deletes the objects of manifests in the order that lets the operator clean up, and keeps what others use. */
import { isNotFound } from "../../ports/kube.ts";
import { type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { type Command, type CommandContext, UserError } from "../command.ts";
import { confirm } from "../confirm.ts";
import { type DiscoveredKind, discover, resourceOf } from "../kinds.ts";
import { readManifests } from "../manifests.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { isCreatedByApply, nameOf, placed, refOf } from "./apply.ts";

const OPTIONS = {
  filename: { type: "string", short: "f", multiple: true, help: "file or folder; - is the standard input" },
  namespace: { type: "string", short: "n", help: "namespace of objects that name none; else the context's" },
  created: { type: "boolean", help: "only objects that `aviary apply` created, not those it found" },
  "dry-run": { type: "boolean", help: "say what would be deleted, and delete nothing" },
  yes: { type: "boolean", short: "y", help: "do not ask" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const deleteCommand: Command = {
  help: `Usage: aviary delete [-f] FILE|FOLDER|-... [OPTIONS]

Canaries go first, so that the operator can hand their workloads back. Namespaces that still hold something and
definitions that still have objects are kept, and so is all that comes in the same files as such a definition.

Examples:
  aviary delete --created deploy examples/podinfo
  aviary delete -n test -f canary.yaml --dry-run

${describeOptions(OPTIONS)}`,
  async run(context) {
    const { argv, env, out, err, signal } = context;
    const options = readOptions(argv, OPTIONS);
    const paths = [...options.words, ...options.texts("filename")];
    if (paths.length === 0) throw new UserError("name at least one file or folder of manifests, or - for stdin", 2);
    const manifests = readManifests(paths);
    const client = await connectCluster(options, env);
    err(`cluster: ${client.name}\n`);
    try {
      const found = await existing(client, manifests, options.text("namespace"), signal);
      const chosen = options.flag("created") ? found.filter(({ object }) => isCreatedByApply(object)) : found;
      for (const { object } of found.filter((one) => !chosen.includes(one))) {
        out(`${nameOf(object)} kept: it was there before \`aviary apply\`\n`);
      }
      if (chosen.length === 0) {
        out("there is nothing to delete\n");
        return 0;
      }
      const ordered = inOrder(chosen);
      if (options.flag("dry-run")) {
        for (const { object } of ordered) out(`${nameOf(object)} deleted, unless others use it (dry run)\n`);
        return 0;
      }
      const names = ordered.map(({ object }) => nameOf(object)).join(", ");
      await confirm(`delete from ${client.name}: ${names}?`, options.flag("yes"), context);
      await deleteAll(client, ordered, context);
      return 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

interface Found {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

async function existing(
  client: ClusterClient,
  manifests: readonly KubeObject[],
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const given of manifests) {
    const type = await resourceOf(client.transport, given, signal);
    if (type === undefined) continue;
    const ref = refOf(type, placed(given, type, namespace, client.namespace));
    const object = await client.kube.get(ref, signal);
    if (object !== undefined) found.push({ type, object });
  }
  return found;
}

/** Canaries first, while their operator runs; then what is in namespaces; definitions and namespaces last. */
const STAGES: Readonly<Record<string, number>> = { Canary: 0, CustomResourceDefinition: 2, Namespace: 3 };
const stageOf = ({ object }: Found): number => STAGES[object.kind] ?? 1;
const inOrder = (found: readonly Found[]): readonly Found[] =>
  found.toReversed().sort((a, b) => stageOf(a) - stageOf(b));

async function deleteAll(client: ClusterClient, found: readonly Found[], context: CommandContext): Promise<void> {
  const { out, signal } = context;
  const needed = await objectsOfOthers(client, found, signal);
  for (const stage of [0, 1, 2, 3]) {
    const going: Found[] = [];
    for (const one of found.filter((other) => stageOf(other) === stage)) {
      if (needed !== undefined && stage > 0) {
        out(`${nameOf(one.object)} kept: ${needed} needs it\n`);
        continue;
      }
      const reason = await usedBy(client, one, signal);
      if (reason !== undefined) {
        out(`${nameOf(one.object)} kept: ${reason}\n`);
        continue;
      }
      const { uid } = one.object.metadata;
      await client.kube.delete(refOf(one.type, one.object), uid === undefined ? {} : { uid }, signal);
      going.push(one);
    }
    for (const one of going) {
      await untilGone(client, one, signal);
      out(`${nameOf(one.object)} deleted\n`);
    }
  }
}

/**
 * Objects of a definition that is to go, but not with it: they need its operator, too. Undefined when there are none.
 */
async function objectsOfOthers(client: ClusterClient, found: readonly Found[], signal: AbortSignal) {
  const going = new Set(found.map(({ object }) => object.metadata.uid));
  for (const { object } of found.filter((one) => one.object.kind === RESOURCES.crd.kind)) {
    const others = (await objectsOf(client, object, signal)).filter(({ metadata }) => !going.has(metadata.uid));
    if (others.length > 0) return whereOf(others);
  }
  return undefined;
}

const LOOK_AGAIN_MS = 200;
const PATIENCE_MS = 120_000;

async function untilGone({ kube }: ClusterClient, { type, object }: Found, signal: AbortSignal): Promise<void> {
  const ref: ObjectRef = refOf(type, object);
  const until = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const now = await kube.get(ref, signal);
    if (now === undefined || now.metadata.uid !== object.metadata.uid) return;
    if (systemClock.now() > until) {
      const finalizers = now.metadata.finalizers ?? [];
      const cause = finalizers.length === 0 ? "" : `: its finalizers (${finalizers.join(", ")}) wait for their owner`;
      const hint = object.kind === "Canary" ? "; is the operator running?" : "";
      throw new UserError(`${nameOf(object)} is not gone after two minutes${cause}${hint}`);
    }
    await systemClock.sleep(LOOK_AGAIN_MS, signal);
  }
}

/** Why an object has to stay; undefined when nothing else needs it. */
async function usedBy(client: ClusterClient, { object }: Found, signal: AbortSignal): Promise<string | undefined> {
  if (object.kind === RESOURCES.crd.kind) {
    const objects = await objectsOf(client, object, signal);
    return objects.length === 0 ? undefined : `there are objects of this kind, e.g. ${whereOf(objects)}`;
  }
  if (object.kind === RESOURCES.namespace.kind) return await contentOf(client, object.metadata.name, signal);
  return undefined;
}

async function objectsOf({ kube }: ClusterClient, crd: KubeObject, signal: AbortSignal) {
  const { group, names, scope, versions } = crd.spec;
  const { name: version } = versions.find(({ storage }: { storage: boolean }) => storage) ?? versions[0];
  const type = { group, version, plural: names.plural, kind: names.kind, namespaced: scope === "Namespaced" };
  return await kube.list(type, "", {}, signal);
}

/** What Kubernetes and Istio put into every namespace, and what only tells of other objects. */
const FURNITURE: Readonly<Record<string, readonly string[] | "all">> = {
  events: "all",
  leases: "all",
  endpoints: "all",
  endpointslices: "all",
  configmaps: ["kube-root-ca.crt", "istio-ca-root-cert"],
  serviceaccounts: ["default"],
};

async function contentOf(client: ClusterClient, namespace: string, signal: AbortSignal): Promise<string | undefined> {
  const kinds = (await discover(client.transport, signal)).filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes("list"),
  );
  for (const kind of kinds) {
    const objects = await listed(client, kind, namespace, signal);
    const usual = FURNITURE[kind.plural] ?? [];
    const others = objects.filter(
      ({ metadata }) =>
        usual !== "all" &&
        !usual.includes(metadata.name) &&
        // What goes with its owner goes by itself; the owner is found under its own kind.
        (metadata.ownerReferences ?? []).length === 0 &&
        metadata.deletionTimestamp === undefined,
    );
    if (others.length > 0) return `it holds objects of others, e.g. ${whereOf(others)}`;
  }
  return undefined;
}

async function listed({ kube }: ClusterClient, kind: DiscoveredKind, namespace: string, signal: AbortSignal) {
  try {
    return await kube.list(kind, namespace, {}, signal);
  } catch (error) {
    // Some kinds that are offered cannot be listed: metrics of an API that is away, for example.
    if (isNotFound(error)) return [];
    throw error;
  }
}

const whereOf = (objects: readonly KubeObject[]): string =>
  objects
    .slice(0, 2)
    .map((object) => `${nameOf(object)}${object.metadata.namespace ? ` in ${object.metadata.namespace}` : ""}`)
    .join(", ");
