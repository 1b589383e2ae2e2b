import type { Canary, Routes } from "../core/canary.ts";
import type { Capabilities } from "../core/plan.ts";
import type { KubeObject, ObjectRef } from "./kubernetes.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Pure translator between Routes and one mesh's or gateway's objects. Laws, kept by routers/conformance.test.ts:
 *
 *   read(apply(render(r))) = r                      what was written is what is read
 *   render(r) over apply(render(r)) changes nothing  writing twice is writing once
 *   fields and rules that are not ours survive
 */
export interface Router {
  /** Provider string, e.g. "istio". */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Why this Canary cannot be routed here (text of a Warning event); undefined when it can. */
  problem(canary: Canary): string | undefined;
  /** Every object that read, render and release look at or write. */
  inputs(canary: Canary): readonly ObjectRef[];
  /** undefined: the objects are missing or say nothing that can be understood. */
  read(canary: Canary, seen: Snapshot): Routes | undefined;
  /**
   * Whole objects as they should be, in the order in which to write them: for an object that exists, the seen one with our
   * fields replaced. Session cookies come from `canary.status.cookies`.
   */
  render(canary: Canary, routes: Routes, seen: Snapshot): readonly KubeObject[];
  /** Objects as they were before us, as far as that is known; for `revertOnDeletion`. */
  release(canary: Canary, seen: Snapshot): readonly KubeObject[];
}

export interface RouterOptions {
  /** False when the mesh's objects live in another cluster than the Canary. */
  readonly setOwnerRefs: boolean;
}
