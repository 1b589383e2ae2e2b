/**
 * CustomResourceDefinitions that the user has: those of Istio, Contour, Envoy Gateway and the Gateway API come with
 * each of these projects. They replace the sandbox's own of the same name, whose schemas are open.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { put } from "../controllers/objects.ts";

export interface CrdFiles {
  readonly crds: readonly KubeObject[];
  /** "ValidatingAdmissionPolicy safe-upgrades": what else the files hold. The sandbox does not install it. */
  readonly others: readonly string[];
}

const KIND = "CustomResourceDefinition";

/**
 * @param places files, and folders whose YAML files are read, those of their folders included
 * @throws Error when a place cannot be read or holds no CRD
 */
export function readCrds(places: readonly string[]): CrdFiles {
  const read = places.map((place) => {
    const objects = filesOf(place).flatMap(objectsOf);
    const crds = objects.filter(({ kind }) => kind === KIND);
    const kinds = [...new Set(objects.map(({ kind }) => kind))].join(", ");
    if (crds.length === 0)
      throw new Error(`${place}: expected CustomResourceDefinitions, found ${kinds || "no object"}`);
    return { crds, others: objects.filter(({ kind }) => kind !== KIND) };
  });
  return {
    crds: read.flatMap(({ crds }) => crds),
    others: read.flatMap(({ others }) => others).map(({ kind, metadata }) => `${kind} ${metadata?.name ?? ""}`.trim()),
  };
}

/** @throws Error as `readCrds` */
export function installCrds(cluster: Cluster, places: readonly string[], log: (line: string) => void): void {
  const { crds, others } = readCrds(places);
  for (const crd of crds) put(cluster, RESOURCES.crd, crd);
  if (others.length > 0) log(`only CRDs are installed, not ${others.join(", ")}`);
}

/** Whether the cluster has a kind, by the name of its definition ("gateways.gateway.networking.k8s.io"). */
export const hasCrd = (cluster: Cluster, name: string): boolean => cluster.get(RESOURCES.crd, "", name) !== undefined;

function filesOf(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { recursive: true, encoding: "utf8" })
    .filter((name) => extname(name) === ".yaml" || extname(name) === ".yml")
    .sort()
    .map((name) => join(place, name));
}

/** The objects of a YAML file. @throws Error that names the file */
export function objectsOf(file: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(file, "utf8")).flatMap((document): readonly KubeObject[] => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
    const value: unknown = document.toJS();
    return isObject(value) ? [value] : [];
  });
}

/** A kustomization or the values of a chart beside the CRDs are no objects. */
function isObject(value: unknown): value is KubeObject {
  return typeof value === "object" && value !== null && "kind" in value && "metadata" in value;
}
