/** Kubeconfig files: their paths, their contents, and how several are merged. The rules are kubectl's. */
import { readFile } from "node:fs/promises";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { errorText } from "../error-text.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";

/** A cluster, user or context, with the folder that its relative paths start from. */
export interface Entry {
  readonly fields: KubeFields;
  readonly folder: string;
}

export interface Kubeconfig {
  /** For messages: the files it came from. */
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
}

/** @throws always */
export function configError(message: string, cause?: unknown): never {
  throw new KubeError(0, "Config", message, undefined, { cause });
}

/** An absolute path unchanged, a relative one resolved against the kubeconfig's folder. */
export function pathIn(entry: Pick<Entry, "folder">, path: string): string {
  return isAbsolute(path) ? path : join(entry.folder, path);
}

/** The files that $KUBECONFIG lists. */
export function listedFiles(variable: string | undefined): readonly string[] {
  return (variable ?? "").split(delimiter).filter((file) => file !== "");
}

/** @returns undefined when the file does not exist @throws KubeError Config when it cannot be read or understood */
export async function readKubeconfig(file: string): Promise<Kubeconfig | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    return configError(`cannot read the kubeconfig ${file}: ${errorText(error)}`, error);
  }
  let fields: KubeFields;
  try {
    fields = (await import("../json/yaml.ts")).parseYaml(text);
  } catch (error) {
    const why = errorText(error).split("\n")[0];
    return configError(`the kubeconfig ${file} is not valid YAML: ${why}`, error);
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    return configError(`the kubeconfig ${file} is empty or not a kubeconfig: expected clusters, users and contexts`);
  }
  const folder = dirname(file);
  const entries = (list: KubeFields, key: string) => {
    const named = (Array.isArray(list) ? list : []).filter((item) => typeof item?.name === "string");
    return new Map<string, Entry>(named.map((item) => [item.name, { fields: item[key] ?? {}, folder }]));
  };
  return {
    files: [file],
    currentContext: fields["current-context"] || undefined,
    clusters: entries(fields.clusters, "cluster"),
    users: entries(fields.users, "user"),
    contexts: entries(fields.contexts, "context"),
  };
}

/** The first file that sets a field wins. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const merge = (pick: (config: Kubeconfig) => ReadonlyMap<string, Entry>) =>
    new Map(configs.toReversed().flatMap((config) => [...pick(config)]));
  return {
    files: configs.flatMap((config) => config.files),
    currentContext: configs.find((config) => config.currentContext !== undefined)?.currentContext,
    clusters: merge((config) => config.clusters),
    users: merge((config) => config.users),
    contexts: merge((config) => config.contexts),
  };
}
