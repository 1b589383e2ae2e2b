/**
 * An imitation of Knative Serving:
 *
 *   Service --> Configuration --> Revision --> Deployment, Service        what runs: one for each template, for good
 *      '------> Route --> Services without pods, for its names            who gets the requests; see the mesh
 *
 * Left out: scaling by requests, and to zero while a Route wants a Revision; domain mappings; TLS.
 */
import type { ControllerContext, Stop } from "../context.ts";
import { startConfigurations } from "./configurations.ts";
import { startRevisions } from "./revisions.ts";
import { startRoutes } from "./routes.ts";
import { startServices } from "./services.ts";

export function startKnative(context: ControllerContext): Stop {
  const stops = [startServices, startConfigurations, startRevisions, startRoutes].map((start) => start(context));
  return () => {
    for (const stop of stops) stop();
  };
}
