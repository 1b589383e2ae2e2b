/** Makes the cluster as a status promises: adapters render whole objects, and what differs is written. */

import type { DesiredState } from "../../core/desired.ts";
import { ALL_TO_PRIMARY } from "../../core/plan/steps.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { ClusterState } from "./cluster-state.ts";
import { type Former, isLeft, obsoleteOf } from "./former.ts";
import type { FreshSnapshot } from "./read-your-writes.ts";
import { asRouted, servedBy } from "./routes-in-force.ts";
import type { RemoveObject, WriteObject } from "./write.ts";

export interface ConvergePorts {
  readonly snapshot: FreshSnapshot;
  readonly write: WriteObject;
  readonly remove: RemoveObject;
}

/** How the objects of one turn are written. */
export interface Writing {
  readonly signal: AbortSignal;
  readonly confirm: (() => Promise<void>) | undefined;
  /** Called when routes were written. */
  readonly onRouted: () => void;
}

/**
 * The order matters. A workload exists before traffic is sent to it, and a workload is scaled down after its traffic
 * was taken away.
 */
export async function converge(
  canary: Canary,
  wanted: DesiredState,
  { adapters, selector, former, formerScaler }: ClusterState,
  ports: ConvergePorts,
  writing: Writing,
): Promise<boolean> {
  const { signal, confirm, onRouted } = writing;
  if (!wanted.engaged) return false;
  let wrote = former !== undefined && (await leave(canary, wanted, former, ports, writing));
  if (wanted.leaving === true || adapters === undefined) return wrote;
  const { router, workload, services, autoscaler } = adapters;
  const { snapshot } = ports;
  const { traffic } = wanted;
  const routes = typeof traffic === "string" ? ALL_TO_PRIMARY : traffic;
  const primary = () => workload.renderPrimary(canary, wanted, snapshot);
  const apex = () => {
    if (selector === undefined || traffic === "untouched") return [];
    return traffic === "handed-back"
      ? services.handBack(canary, selector, snapshot)
      : services.renderApex(canary, selector, snapshot, servedBy(routes));
  };
  const mesh = () => {
    if (traffic === "untouched") return [];
    return traffic === "handed-back"
      ? router.handBack(canary, snapshot)
      : router.render(asRouted(canary, routes), routes, snapshot);
  };
  // A primary that cannot serve while it is replaced loses its traffic first.
  const [before, after] = routes.everyone === true ? [[], [primary]] : [[primary], []];
  const stages: readonly (() => readonly KubeObject[])[] = [
    // A Canary that is being deleted creates nothing, and repairs nothing that is deleted with it.
    () => (selector === undefined || isLeaving(canary) ? [] : services.renderCopies(canary, selector, snapshot)),
    () => (isLeaving(canary) ? [] : (router.prepare?.(canary, snapshot) ?? [])),
    ...before,
    apex,
    mesh,
    ...after,
    // The API server may refuse limits that people set. The routes do not wait for them.
    () => autoscaler?.renderPrimary(canary, wanted, snapshot) ?? [],
    () => autoscaler?.renderTarget(canary, wanted, snapshot) ?? [],
    () => formerScaler?.autoscaler.renderTarget(formerScaler.canary, wanted, snapshot) ?? [],
    () => workload.renderTarget(canary, wanted, snapshot),
  ];
  for (const stage of stages) {
    for (const object of stage()) {
      if (!(await ports.write(object, canary.ref, signal, confirm))) continue;
      wrote = true;
      if (stage === apex || stage === mesh) onRouted();
    }
  }
  return wrote;
}

/** The former routes send all traffic to the primary. The primary's former autoscaler is deleted. */
async function leave(
  canary: Canary,
  { leaving }: DesiredState,
  former: Former,
  { write, remove, snapshot }: ConvergePorts,
  { signal, confirm, onRouted }: Writing,
): Promise<boolean> {
  let wrote = false;
  const obsolete = obsoleteOf(former, snapshot);
  if (obsolete !== undefined) wrote = await remove(obsolete, signal, confirm);
  if (leaving !== true || isLeft(former, snapshot)) return wrote;
  const routed = { ...former.canary, status: canary.status };
  for (const object of former.router?.render(routed, ALL_TO_PRIMARY, snapshot) ?? []) {
    if (!(await write(object, canary.ref, signal, confirm))) continue;
    wrote = true;
    onRouted();
  }
  return wrote;
}

function isLeaving({ status: { phase } }: Canary): boolean {
  return phase === "Terminating";
}
