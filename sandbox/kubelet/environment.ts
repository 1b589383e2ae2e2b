/** A container's environment variables, command line and mounted files, as its pod spec describes them. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";

/** Something a container needs is not there (yet). The message names it as the kubelet's own does. */
export class MissingConfig extends Error {}

/** What the pod itself can tell: its object, and the address it got. */
export interface PodFacts {
  readonly pod: KubeObject;
  readonly address: string;
  readonly hostAddress: string;
}

/** @throws MissingConfig when a ConfigMap, Secret or key is missing and not optional */
export function resolveEnv(cluster: Cluster, facts: PodFacts, container: KubeFields): Record<string, string> {
  const { pod } = facts;
  const env: Record<string, string> = { HOSTNAME: pod.metadata.name, PATH: "/usr/local/bin:/usr/bin:/bin" };
  for (const source of (container.envFrom ?? []) as KubeFields[]) {
    const ref = source.configMapRef ?? source.secretRef;
    const kind = source.configMapRef === undefined ? "secret" : "configmap";
    const data = readConfig(cluster, pod, kind, ref);
    for (const [key, value] of data ?? []) env[`${source.prefix ?? ""}${key}`] = Buffer.from(value).toString("utf8");
  }
  for (const entry of (container.env ?? []) as KubeFields[]) {
    const value = entry.valueFrom === undefined ? expand(entry.value ?? "", env) : valueFrom(cluster, facts, entry);
    if (value !== undefined) env[entry.name] = value;
  }
  return env;
}

function valueFrom(cluster: Cluster, facts: PodFacts, entry: KubeFields): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = entry.valueFrom;
  if (fieldRef !== undefined) return fieldValue(facts, fieldRef.fieldPath);
  if (resourceFieldRef !== undefined) return resourceValue(facts.pod, resourceFieldRef);
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref === undefined) return undefined;
  const kind = configMapKeyRef === undefined ? "secret" : "configmap";
  const value = readConfig(cluster, facts.pod, kind, ref)?.get(ref.key);
  if (value === undefined && ref.optional !== true) {
    const name = `${facts.pod.metadata.namespace}/${ref.name}`;
    throw new MissingConfig(`couldn't find key ${ref.key} in ${kind === "secret" ? "Secret" : "ConfigMap"} ${name}`);
  }
  return value === undefined ? undefined : Buffer.from(value).toString("utf8");
}

/** `$(NAME)` becomes the variable's value when it is defined already; `$$(NAME)` stays as `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]+)\)/g, (match, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? match),
  );
}

/** command, then args, with variables expanded. */
export function commandLine(container: KubeFields, env: Readonly<Record<string, string>>): string[] {
  return [...(container.command ?? []), ...(container.args ?? [])].map((part: string) => expand(part, env));
}

/** A field of the pod by its downward-API path; unknown paths are empty. */
export function fieldValue({ pod, address, hostAddress }: PodFacts, path: string): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed !== null) return pod.metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  const all = (values: Record<string, string> | undefined) =>
    Object.entries(values ?? {})
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join("\n");
  const known: Record<string, string | undefined> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace,
    "metadata.uid": pod.metadata.uid,
    "metadata.labels": all(pod.metadata.labels),
    "metadata.annotations": all(pod.metadata.annotations),
    "spec.nodeName": pod.spec?.nodeName,
    "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "default",
    "status.hostIP": hostAddress,
    "status.hostIPs": hostAddress,
    "status.podIP": address,
    "status.podIPs": address,
  };
  return known[path] ?? "";
}

function resourceValue(pod: KubeObject, ref: KubeFields): string {
  const containers: KubeFields[] = pod.spec?.containers ?? [];
  const container = containers.find((entry) => entry.name === ref.containerName) ?? containers[0];
  const [kind = "", resource = ""] = String(ref.resource).split(".");
  return String(container?.resources?.[kind]?.[resource] ?? "0");
}

/** The files of a ConfigMap or Secret by key; undefined when it is missing but optional. @throws MissingConfig */
function readConfig(
  cluster: Cluster,
  pod: KubeObject,
  kind: "configmap" | "secret",
  ref: KubeFields,
): ReadonlyMap<string, Uint8Array> | undefined {
  const type = kind === "secret" ? RESOURCES.secret : RESOURCES.configMap;
  const object = cluster.get(type, pod.metadata.namespace ?? "", ref.name ?? "");
  if (object === undefined) {
    if (ref.optional === true) return undefined;
    throw new MissingConfig(`${kind} "${ref.name}" not found`);
  }
  const text = (fields: KubeFields, encoding: BufferEncoding) =>
    Object.entries(fields ?? {}).map(([key, value]): [string, Uint8Array] => [
      key,
      Buffer.from(String(value), encoding),
    ]);
  if (kind === "secret") return new Map([...text(object.data, "base64"), ...text(object.stringData, "utf8")]);
  return new Map([...text(object.binaryData, "base64"), ...text(object.data, "utf8")]);
}

/** What the mounts of service accounts hold. */
export interface ServiceAccountFiles {
  /** The bearer token of an account; the same one each time. */
  readonly token: (namespace: string, account: string) => string;
  /** PEM */
  readonly ca: string;
}

const SERVICE_ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Files of the container's mounts: absolute path -> content. @throws MissingConfig */
export function resolveFiles(
  cluster: Cluster,
  facts: PodFacts,
  container: KubeFields,
  account: ServiceAccountFiles,
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const mounts: KubeFields[] = container.volumeMounts ?? [];
  for (const mount of mounts) {
    const volume = (facts.pod.spec?.volumes ?? []).find((entry: KubeFields) => entry.name === mount.name);
    if (volume === undefined) continue;
    for (const [path, content] of volumeFiles(cluster, facts, volume, account)) {
      const target = mountedAt(mount, path);
      if (target !== undefined) files.set(target, content);
    }
  }
  const mounted = mounts.some((mount) => mount.mountPath === SERVICE_ACCOUNT_PATH);
  if (!mounted && facts.pod.spec?.automountServiceAccountToken !== false) {
    for (const [path, content] of accountFiles(facts, account)) files.set(`${SERVICE_ACCOUNT_PATH}/${path}`, content);
  }
  return files;
}

function mountedAt(mount: KubeFields, path: string): string | undefined {
  const root = String(mount.mountPath).replace(/\/+$/, "");
  const inside: string | undefined = mount.subPath;
  if (inside === undefined || inside === "") return `${root}/${path}`;
  if (path === inside) return root;
  return path.startsWith(`${inside}/`) ? `${root}/${path.slice(inside.length + 1)}` : undefined;
}

function tokenOf({ pod }: PodFacts, account: ServiceAccountFiles): Buffer {
  return Buffer.from(account.token(pod.metadata.namespace ?? "", pod.spec?.serviceAccountName ?? "default"));
}

function accountFiles(facts: PodFacts, account: ServiceAccountFiles): [string, Uint8Array][] {
  return [
    ["token", tokenOf(facts, account)],
    ["ca.crt", Buffer.from(account.ca)],
    ["namespace", Buffer.from(facts.pod.metadata.namespace ?? "")],
  ];
}

function volumeFiles(
  cluster: Cluster,
  facts: PodFacts,
  volume: KubeFields,
  account: ServiceAccountFiles,
): [string, Uint8Array][] {
  const source = (part: KubeFields): [string, Uint8Array][] => {
    if (part.configMap)
      return chosen(readConfig(cluster, facts.pod, "configmap", part.configMap), part.configMap.items);
    if (part.secret) {
      const ref = { ...part.secret, name: part.secret.secretName ?? part.secret.name };
      return chosen(readConfig(cluster, facts.pod, "secret", ref), part.secret.items);
    }
    if (part.downwardAPI) {
      return ((part.downwardAPI.items ?? []) as KubeFields[]).map((item) => [
        item.path,
        Buffer.from(
          item.fieldRef ? fieldValue(facts, item.fieldRef.fieldPath) : resourceValue(facts.pod, item.resourceFieldRef),
        ),
      ]);
    }
    if (part.serviceAccountToken) return [[part.serviceAccountToken.path ?? "token", tokenOf(facts, account)]];
    return [];
  };
  return volume.projected ? (volume.projected.sources ?? []).flatMap(source) : source(volume);
}

function chosen(data: ReadonlyMap<string, Uint8Array> | undefined, items: KubeFields): [string, Uint8Array][] {
  if (items === undefined) return [...(data ?? [])];
  return (items as KubeFields[]).flatMap((item): [string, Uint8Array][] => {
    const content = data?.get(item.key);
    return content === undefined ? [] : [[item.path, content]];
  });
}

/** Whether a pod reads the ConfigMap or Secret of this name in any way we resolve. */
export function mentionsConfig(pod: KubeObject, name: string): boolean {
  return JSON.stringify(pod.spec ?? {}).includes(JSON.stringify(name));
}
