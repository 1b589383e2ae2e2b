/**
 * Flux's own source-controller and kustomize-controller, as child processes against the sandbox's API server. None of
 * their code is here: both programs are found on this machine. The sandbox's CRDs suffice for them; Flux's own CRDs may
 * replace these.
 */
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { ensureNamespace, put } from "../controllers/objects.ts";
import { objectsOf } from "../crds/files.ts";
import { findAll } from "../programs/find.ts";
import { type ProgramGroup, programGroup } from "../programs/group.ts";
import { freePorts } from "../programs/ports.ts";

export interface FluxProgramsOptions {
  /** Flux's programs, the sandbox's own controllers, or (auto) the programs where both are found. */
  readonly prefer: "real" | "imitation" | "auto";
  /** A folder that holds the programs; $PATH is searched, too. */
  readonly programs?: string;
  /** A file of Flux's CRDs, or a folder of such files; the sandbox's own CRDs stay when absent. */
  readonly crds?: string;
  readonly log: (line: string) => void;
}

export interface FluxPrograms {
  readonly source: string;
  readonly kustomize: string;
}

/** Flux's controllers work for this namespace: they keep their leases and look for their own Secrets there. */
const NAMESPACE = "flux-system";

/** @returns undefined when the sandbox's own controllers shall run. @throws Error that names the missing programs */
export function findFlux({ prefer, programs }: FluxProgramsOptions): FluxPrograms | undefined {
  if (prefer === "imitation") return undefined;
  try {
    const names = ["source-controller", "kustomize-controller"] as const;
    const [source, kustomize] = findAll(names, programs, process.env["PATH"], "--flux-programs");
    return { source, kustomize };
  } catch (error) {
    if (prefer === "real" || programs !== undefined) throw error;
    return undefined;
  }
}

/** @param kubeconfig YAML text @throws Error when a program does not start, or a file of CRDs is wrong */
export async function startFluxPrograms(
  cluster: Cluster,
  { source, kustomize }: FluxPrograms,
  options: FluxProgramsOptions,
  kubeconfig: string,
): Promise<{ stop(): Promise<void> }> {
  for (const crd of options.crds === undefined ? [] : readFluxCrds(options.crds)) put(cluster, RESOURCES.crd, crd);
  ensureNamespace(cluster, NAMESPACE);
  const group = programGroup("flux", options.log);
  try {
    const file = join(group.dir, "kubeconfig");
    writeFileSync(file, kubeconfig, { mode: 0o600 });
    const [storage = 0, health = 0, health2 = 0] = await freePorts(3);
    const artifacts = join(group.dir, "artifacts");
    mkdirSync(artifacts);
    const serving = [
      `--storage-path=${artifacts}`,
      `--storage-addr=127.0.0.1:${storage}`,
      `--storage-adv-addr=127.0.0.1:${storage}`,
    ];
    await Promise.all([start(group, source, file, health, serving), start(group, kustomize, file, health2, [])]);
  } catch (error) {
    await group.stop();
    throw error;
  }
  return { stop: group.stop };
}

async function start(
  group: ProgramGroup,
  program: string,
  kubeconfig: string,
  health: number,
  further: readonly string[],
): Promise<void> {
  const common = [
    "--metrics-addr=0",
    `--health-addr=127.0.0.1:${health}`,
    "--events-addr=",
    "--enable-leader-election=false",
    "--watch-all-namespaces=true",
    "--requeue-dependency=2s",
    "--log-level=info",
  ];
  const env = { KUBECONFIG: kubeconfig, RUNTIME_NAMESPACE: NAMESPACE, TMPDIR: group.dir, HOME: group.dir };
  const child = await group.start(program, [...common, ...further], env);
  await group.ready(child, `http://127.0.0.1:${health}/readyz`);
}

/**
 * The CRDs of a file, or of the YAML files of a folder. `flux install --export` writes such a file. What else is in
 * there (Deployments, roles) is left out.
 * @throws Error when nothing can be read, or when there is no CRD of Flux
 */
export function readFluxCrds(path: string): readonly KubeObject[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.ya?ml$/.test(name))
        .map((name) => join(path, name))
    : [path];
  const crds = files.flatMap(objectsOf).filter(({ kind, spec }) => {
    return kind === "CustomResourceDefinition" && String(spec?.group).endsWith(".toolkit.fluxcd.io");
  });
  if (crds.length === 0) throw new Error(`${path} holds no CRD of Flux: \`flux install --export > FILE\` writes them`);
  return crds;
}
