/** Flux on the sandbox: a Git server for local repositories, and small controllers for GitRepository and Kustomization. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ControllerContext } from "../controllers/context.ts";
import { type ApiAccess, createFluxApi } from "./api.ts";
import { startGitServer } from "./git-server.ts";
import { startKustomizeController } from "./kustomize-controller.ts";
import { startSourceController } from "./source-controller.ts";

export interface FluxOptions {
  /** The folder whose folders are Git repositories. */
  readonly repositories: string;
  /** The folder for fetched commits. */
  readonly cache: string;
  /** The address of the Git server. */
  readonly host: string;
  readonly api: ApiAccess;
}

export interface Flux {
  /** A repository is at URL/NAME. */
  readonly gitUrl: string;
  stop(): Promise<void>;
}

/** @throws Error when the Git server cannot listen */
export async function startFlux(context: ControllerContext, options: FluxOptions): Promise<Flux> {
  mkdirSync(options.cache, { recursive: true });
  const server = await startGitServer(options.repositories, options.host);
  const source = startSourceController(context, join(options.cache, "source"));
  const kustomize = startKustomizeController(context, { api: createFluxApi(options.api), artifact: source.artifact });
  return {
    gitUrl: server.url,
    stop: async () => {
      kustomize.stop();
      source.stop();
      await server.stop();
    },
  };
}
