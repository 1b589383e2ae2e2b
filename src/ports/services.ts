import type { Canary } from "../core/status/canary.ts";
import type { KubeObject, ObjectRef } from "./kubernetes.ts";
import type { MadeObject } from "./owner.ts";
import type { Snapshot } from "./snapshot.ts";
import type { PodSelector } from "./workload.ts";

/** Pure translator for the three generated Services: `<apex>-canary`, `<apex>-primary` and the apex itself. */
export interface ServicesRouter {
  inputs(canary: Canary): readonly ObjectRef[];
  made(canary: Canary): readonly MadeObject[];
  /** `<apex>-canary`, then `<apex>-primary`; needed before anything else. */
  renderCopies(canary: Canary, selector: PodSelector, seen: Snapshot): readonly KubeObject[];
  /** The apex. @param servedBy whose pods it selects; the primary's when absent */
  renderApex(
    canary: Canary,
    selector: PodSelector,
    seen: Snapshot,
    servedBy?: "primary" | "canary",
  ): readonly KubeObject[];
  /** The apex as it was before Aviary took it over; empty when it is deleted with the Canary anyway. */
  handBack(canary: Canary, selector: PodSelector, seen: Snapshot): readonly KubeObject[];
}
