/**
 * Kinds as people name them: short names, plurals, `KIND.GROUP`; what is not in the table is looked up in the cluster.
 */

import { didYouMean } from "../core/spec/nearest.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { isNotFound } from "../ports/kube.ts";
import { type KubeFields, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import { UserError } from "./command.ts";

/** As kubectl has them. Kinds of the table are found without asking the cluster. */
const SHORT_NAMES: Readonly<Record<string, ResourceType>> = {
  deploy: RESOURCES.deployment,
  ds: RESOURCES.daemonSet,
  sts: RESOURCES.statefulSet,
  rs: RESOURCES.replicaSet,
  po: RESOURCES.pod,
  svc: RESOURCES.service,
  ep: RESOURCES.endpoints,
  cm: RESOURCES.configMap,
  ev: RESOURCES.event,
  hpa: RESOURCES.hpa,
  so: RESOURCES.scaledObject,
  vs: RESOURCES.virtualService,
  dr: RESOURCES.destinationRule,
  gw: RESOURCES.gateway,
  ksvc: RESOURCES.knativeService,
  ns: RESOURCES.namespace,
  crd: RESOURCES.crd,
};

/** Words that stand for a kind, for completion and for "did you mean". */
export const KIND_WORDS: readonly string[] = [
  ...Object.values(RESOURCES).map(({ kind }) => kind.toLowerCase()),
  ...Object.keys(SHORT_NAMES),
];

/** Finds a kind of the table: "deploy", "deployments", "Deployment", "deployments.apps". */
export function knownKind(word: string): ResourceType | undefined {
  const [wanted = "", ...group] = word.toLowerCase().split(".");
  const short = SHORT_NAMES[wanted];
  const rows = Object.values(RESOURCES).filter(
    ({ kind, plural }) => kind.toLowerCase() === wanted || plural === wanted,
  );
  const found = short === undefined ? rows : [short, ...rows];
  return found.find((type) => group.length === 0 || type.group === group.join("."));
}

/** @throws UserError (exit code 2) for a kind that neither the table nor the cluster knows */
export async function findKind(transport: KubeTransport, word: string, signal: AbortSignal): Promise<ResourceType> {
  const known = knownKind(word);
  if (known !== undefined) return known;
  const [wanted = "", ...group] = word.toLowerCase().split(".");
  const found = (await discover(transport, signal)).find(
    (row) =>
      [row.plural, row.singular, row.kind.toLowerCase(), ...row.shortNames].includes(wanted) &&
      (group.length === 0 || row.group === group.join(".")),
  );
  if (found !== undefined) return found;
  throw new UserError(`the cluster has no kind "${word}"${didYouMean(word, KIND_WORDS)}`, 2);
}

/** @throws UserError (exit code 2) for a kind that only the cluster could know */
export function kindOf(word: string): ResourceType {
  const found = knownKind(word);
  if (found !== undefined) return found;
  throw new UserError(`kind "${word}" is not known here${didYouMean(word, KIND_WORDS)}`, 2);
}

export interface NamedObject {
  readonly kind: string;
  readonly name: string;
}

/** "canary/podinfo", "canary podinfo". @throws UserError (exit code 2) */
export function objectWords(words: readonly string[]): NamedObject {
  const [kind = "", name = ""] = words.length === 1 ? (words[0] ?? "").split("/") : words;
  if (name === "" || words.length > 2 || (words.length === 2 && kind.includes("/")))
    throw new UserError("name one object as KIND/NAME, e.g. canary/podinfo", 2);
  return { kind, name };
}

export interface DiscoveredKind extends ResourceType {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly verbs: readonly string[];
}

/**
 * Every kind that the cluster serves, in the version that each group prefers. A group that cannot be asked is left out.
 */
export async function discover(transport: KubeTransport, signal: AbortSignal): Promise<readonly DiscoveredKind[]> {
  const groups = await transport.send({ method: "GET", path: "/apis" }, signal);
  const versions: readonly [string, string][] = [
    ["", "v1"],
    ...(groups.groups ?? []).map((group: KubeFields) => [group.name, group.preferredVersion.version]),
  ];
  const lists = await Promise.all(
    versions.map(async ([group, version]) => {
      const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
      const list = await transport.send({ method: "GET", path }, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (group === "") throw error;
        return { resources: [] };
      });
      return rowsOf(list, group, version);
    }),
  );
  return lists.flat();
}

function rowsOf(list: KubeFields, group: string, version: string): readonly DiscoveredKind[] {
  return (list.resources ?? [])
    .filter(({ name }: KubeFields) => !String(name).includes("/"))
    .map(({ name, kind, namespaced, singularName, shortNames, verbs }: KubeFields) => ({
      group,
      version,
      kind,
      namespaced,
      plural: name,
      singular: singularName ?? "",
      shortNames: shortNames ?? [],
      verbs: verbs ?? [],
    }));
}

/** The resource of an object's apiVersion and kind; undefined when the cluster does not know the kind. */
export async function resourceOf(
  transport: KubeTransport,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  signal: AbortSignal,
): Promise<ResourceType | undefined> {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = await transport.send({ method: "GET", path }, signal).catch((error: unknown) => {
    if (isNotFound(error)) return { resources: [] };
    throw error;
  });
  return rowsOf(list, group, version).find((row) => row.kind === kind);
}
