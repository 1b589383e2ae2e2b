/**
 * Flux on the sandbox: a Git server for local repositories, and controllers for GitRepository and Kustomization. The
 * controllers are Flux's own programs where this machine has them, else small ones of the sandbox.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ControllerContext } from "../controllers/context.ts";
import { type ApiAccess, createFluxApi } from "./api.ts";
import { startGitServer } from "./git-server.ts";
import { startKustomizeController } from "./kustomize-controller.ts";
import { type FluxProgramsOptions, findFlux, startFluxPrograms } from "./programs.ts";
import { startSourceController } from "./source-controller.ts";

export interface FluxOptions {
  /** The folder whose folders are Git repositories. */
  readonly repositories: string;
  /** The folder for fetched commits. */
  readonly cache: string;
  /** The address of the Git server. */
  readonly host: string;
  readonly api: ApiAccess;
  /** YAML text; Flux's own programs read it. */
  readonly kubeconfig: string;
  /** The sandbox's own controllers run when absent. */
  readonly programs?: FluxProgramsOptions;
}

export interface Flux {
  /** A repository is at URL/NAME. */
  readonly gitUrl: string;
  /** Whether Flux's own programs run. */
  readonly real: boolean;
  stop(): Promise<void>;
}

/** @throws Error when the Git server cannot listen, or Flux's programs do not start */
export async function startFlux(context: ControllerContext, options: FluxOptions): Promise<Flux> {
  const { programs, kubeconfig } = options;
  const found = programs === undefined ? undefined : findFlux(programs);
  const server = await startGitServer(options.repositories, options.host);
  try {
    const controllers =
      programs === undefined || found === undefined
        ? startOwn(context, options)
        : await startFluxPrograms(context.cluster, found, programs, kubeconfig);
    const stop = async () => {
      await controllers.stop();
      await server.stop();
    };
    return { gitUrl: server.url, real: found !== undefined, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function startOwn(context: ControllerContext, { cache, api }: FluxOptions): { stop(): Promise<void> } {
  mkdirSync(cache, { recursive: true });
  const source = startSourceController(context, join(cache, "source"));
  const kustomize = startKustomizeController(context, { api: createFluxApi(api), artifact: source.artifact });
  return {
    stop: async () => {
      kustomize.stop();
      source.stop();
    },
  };
}
