/** Applies manifests as a GitOps agent would, for machines without kubectl: server-side, kinds before their objects. */
import { visible } from "../../net/show.ts";
import { isConflict, isNotFound } from "../../ports/kube.ts";
import { type KubeObject, objectPath, RESOURCES, type ResourceType } from "../../ports/kubernetes.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster, FIELD_MANAGER } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { resourceOf } from "../kinds.ts";
import { readManifests } from "../manifests.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";

export { parseDocuments, readManifests } from "../manifests.ts";

const OPTIONS = {
  filename: { type: "string", short: "f", multiple: true, help: "file or folder; - is the standard input" },
  namespace: { type: "string", short: "n", help: "namespace of objects that name none; else the context's" },
  "dry-run": { type: "boolean", help: "say what would happen, and change nothing" },
  force: { type: "boolean", help: "take fields over that others have set" },
  "create-only": { type: "boolean", help: "leave objects that exist as they are" },
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const applyCommand: Command = {
  help: `Usage: aviary apply [-f] FILE|FOLDER|-... [OPTIONS]

Applies server-side, as the field manager "${FIELD_MANAGER}". Fields that someone else has set are left to them: the
command fails and names the other field manager, unless --force is given.

Examples:
  aviary apply deploy examples/podinfo
  aviary apply -n test -f canary.yaml --dry-run
  cat canary.yaml | aviary apply -

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, err, signal }) {
    const options = readOptions(argv, OPTIONS);
    const paths = [...options.words, ...options.texts("filename")];
    if (paths.length === 0) throw new UserError("name at least one file or folder of manifests, or - for stdin", 2);
    const manifests = readManifests(paths);
    if (manifests.length === 0) throw new UserError(`there is no object in ${paths.join(", ")}`);
    const client = await connectCluster(options, env);
    err(`cluster: ${client.name}\n`);
    const wanted: Wanted = {
      manifests,
      namespace: options.text("namespace"),
      dryRun: options.flag("dry-run"),
      force: options.flag("force"),
      createOnly: options.flag("create-only"),
    };
    for (const [done, object] of manifests.entries()) {
      const { name, verdict } = await applyOne(client, object, wanted, signal).catch(async (error: unknown) => {
        const cure = isConflict(error) ? await conflictCure(client, object, wanted, error, signal) : "";
        throw explained(error, object, cure, done, manifests.length);
      });
      out(`${name} ${verdict}${wanted.dryRun ? " (dry run)" : ""}\n`);
    }
    return 0;
  },
};

interface Wanted {
  readonly manifests: readonly KubeObject[];
  readonly namespace: string | undefined;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly createOnly: boolean;
}

/** What is put on objects that did not exist before: `aviary delete --created` removes these and no others. */
export const CREATED_BY = "aviary.flagger.app/created-by";
const CREATOR = "aviary-apply";

export const isCreatedByApply = ({ metadata }: KubeObject): boolean => metadata.annotations?.[CREATED_BY] === CREATOR;

export const nameOf = ({ kind, metadata }: KubeObject): string => visible(`${kind.toLowerCase()}/${metadata.name}`);

async function applyOne(
  client: ClusterClient,
  given: KubeObject,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly verdict: string }> {
  const name = nameOf(given);
  const type = await resourceFor(client, given, wanted, signal);
  // A rehearsal defines no kind: there is nothing that could be asked for it yet.
  if (type === undefined) return { name, verdict: "created" };
  const object = placed(given, type, wanted.namespace, client.namespace);
  const before = await client.kube.get(refOf(type, object), signal);
  if (before !== undefined && wanted.createOnly) return { name, verdict: "exists, left as it is" };
  const marked = before === undefined || isCreatedByApply(before) ? withMark(object) : object;
  const query = {
    fieldManager: FIELD_MANAGER,
    force: String(wanted.force),
    ...(wanted.dryRun ? { dryRun: "All" } : {}),
  };
  const path = objectPath(refOf(type, object));
  const contentType = "application/apply-patch+yaml";
  const request = { method: "PATCH", path, body: marked, contentType, query } as const;
  const after = await client.transport.send(request, signal).catch((error: unknown) => {
    if (wanted.dryRun && isNotFound(error) && isInNewNamespace(object, wanted.manifests)) return undefined;
    throw error;
  });
  if (before === undefined) return { name, verdict: "created" };
  // A rehearsal gives no new version: the content tells whether there is a change.
  const same = wanted.dryRun
    ? JSON.stringify(contentOf(before)) === JSON.stringify(contentOf(after))
    : before.metadata.resourceVersion === after.metadata?.resourceVersion;
  return { name, verdict: same ? "unchanged" : "configured" };
}

function contentOf({ metadata, ...rest }: KubeObject): unknown {
  const { managedFields: _managed, resourceVersion: _version, generation: _generation, ...shown } = metadata;
  return { ...rest, metadata: shown };
}

const withMark = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [CREATED_BY]: CREATOR } },
});

export const refOf = (type: ResourceType, { metadata }: KubeObject) => ({
  type,
  namespace: type.namespaced ? (metadata.namespace ?? "") : "",
  name: metadata.name,
});

/** The object in its namespace. @throws UserError when -n names another than the object does */
export function placed(object: KubeObject, type: ResourceType, asked: string | undefined, preset: string): KubeObject {
  if (!type.namespaced) return object;
  const own = object.metadata.namespace;
  if (own !== undefined && asked !== undefined && own !== asked) {
    throw new UserError(`metadata.namespace is "${own}", but -n says "${asked}": leave one of them out`);
  }
  return { ...object, metadata: { ...object.metadata, namespace: own ?? asked ?? preset } };
}

/** A rehearsal makes no namespace: the server cannot try what would be in it. */
const isInNewNamespace = ({ metadata }: KubeObject, manifests: readonly KubeObject[]): boolean =>
  manifests.some((other) => other.kind === RESOURCES.namespace.kind && other.metadata.name === metadata.namespace);

const definitionOf = ({ apiVersion, kind }: KubeObject, manifests: readonly KubeObject[]): KubeObject | undefined =>
  manifests.find(
    (other) =>
      other.kind === RESOURCES.crd.kind &&
      other.spec?.names?.kind === kind &&
      apiVersion.startsWith(`${other.spec?.group}/`),
  );

/**
 * The operator scales the target of a Canary. A file that says how many pods it has conflicts with that at each
 * `apply`.
 */
async function conflictCure(
  client: ClusterClient,
  given: KubeObject,
  { namespace }: Wanted,
  error: unknown,
  signal: AbortSignal,
): Promise<string> {
  const taken = "--force takes the field over";
  if (!/conflict with "flagger"[^\n]*: \.spec\.replicas$/.test(error instanceof Error ? error.message.trim() : "")) {
    return `; ${taken}`;
  }
  const home = given.metadata.namespace ?? namespace ?? client.namespace;
  const canaries = await client.kube.list(RESOURCES.canary, home, {}, signal).catch(() => undefined);
  if (canaries === undefined) return `; ${taken}`;
  const canary = canaries.find(
    ({ spec }) => spec?.targetRef?.kind === given.kind && spec.targetRef.name === given.metadata.name,
  );
  return canary === undefined
    ? `; no Canary names it any more, so that no operator scales it: ${taken}`
    : `; the operator scales it for Canary ${canary.metadata.name}: leave spec.replicas out of the file`;
}

function explained(error: unknown, object: KubeObject, cure: string, done: number, all: number): unknown {
  const refused = asUserError(error);
  if (!(refused instanceof UserError)) return refused;
  const before = done === 0 ? "" : ` (${done} of ${all} objects were applied before)`;
  const text = refused.message.replaceAll(/\s*\n\s*/g, " ");
  return new UserError(`${nameOf(object)}: ${text}${cure}${before}`, 1, { cause: error });
}

const RETRY_MS = 50;
const PATIENCE_MS = 10_000;

/** Applies one object that the command made itself, and takes every field of it over. */
export async function applyObject(client: ClusterClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  const type = await resourceFor(client, object, { manifests: undefined, dryRun: false }, signal);
  if (type !== undefined) await client.kube.apply(type, object, { force: true }, signal);
}

/**
 * Asks the cluster how the kind is called in paths. A kind whose definition was just applied may take a moment.
 * @param manifests what is applied together with it; undefined when the definition was applied in another call
 * @returns undefined in a rehearsal, for a kind that the same manifests define
 */
async function resourceFor(
  { transport }: ClusterClient,
  object: KubeObject,
  { manifests, dryRun }: { readonly manifests: readonly KubeObject[] | undefined; readonly dryRun: boolean },
  signal: AbortSignal,
): Promise<ResourceType | undefined> {
  const isComing = manifests === undefined || definitionOf(object, manifests) !== undefined;
  const until = systemClock.now() + (isComing ? PATIENCE_MS : 0);
  for (;;) {
    const found = await resourceOf(transport, object, signal);
    if (found !== undefined || (isComing && dryRun)) return found;
    if (systemClock.now() >= until) {
      throw new UserError(`the cluster does not know ${object.apiVersion} ${object.kind}: apply its CRD first`);
    }
    await systemClock.sleep(RETRY_MS, signal);
  }
}
