import type { Plan } from "../../core/plan/plan.ts";
import type { Readings } from "../../core/turn/observation.ts";
import type { PodSelector } from "../../ports/workload.ts";
import type { Adapters } from "../adapters.ts";
import type { Former, FormerScaler } from "./former.ts";

/** What a turn knows of the cluster. */
export interface ClusterState {
  readonly readings: Readings;
  readonly plan: Plan;
  /**
   * undefined when there is a problem: then nothing is written. A target that is missing or unreadable is no such
   * problem.
   */
  readonly adapters?: Adapters;
  readonly selector?: PodSelector;
  /** The names that the Canary had before its spec was edited; absent when they are the same. */
  readonly former?: Former;
  /** The autoscaler that the Canary names no more, and that still scales the target. */
  readonly formerScaler?: FormerScaler;
}
