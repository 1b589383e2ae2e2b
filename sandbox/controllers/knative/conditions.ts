/** Conditions as Knative keeps them: the one called Ready follows from all others. */
import type { KubeFields, KubeObject, ResourceType } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import type { ControllerContext } from "../context.ts";
import { editStatus } from "../objects.ts";

export interface State {
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

export const TRUE: State = { status: "True" };

export function conditionOf(object: KubeObject | undefined, type: string): State | undefined {
  const conditions: readonly KubeFields[] = object?.status?.conditions ?? [];
  return conditions.find((condition) => condition.type === type);
}

/** Ready, of the object's present generation. */
export function isReady(object: KubeObject | undefined): boolean {
  return conditionOf(object, "Ready")?.status === "True" && isObserved(object);
}

export function isObserved(object: KubeObject | undefined): boolean {
  return object?.status?.observedGeneration === object?.metadata.generation;
}

/**
 * Writes the status. @param states by type, those that Ready follows from first
 * @param fields further ones; undefined takes one away
 */
export function saveStatus(
  { cluster, clock }: ControllerContext,
  type: ResourceType,
  object: KubeObject,
  states: Readonly<Record<string, State>>,
  fields: Readonly<Record<string, unknown>>,
): void {
  const now = rfc3339(clock.now());
  const bad = Object.values(states).find(({ status }) => status === "False");
  const ready = bad ?? Object.values(states).find(({ status }) => status === "Unknown") ?? TRUE;
  editStatus(cluster, type, object, (copy) => {
    const before: readonly KubeFields[] = copy.status?.conditions ?? [];
    const conditions = Object.entries({ ...states, Ready: ready })
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { status, reason, message }]) => {
        const known = before.find((condition) => condition.type === name);
        const lastTransitionTime = known?.status === status ? known.lastTransitionTime : now;
        return { type: name, status, ...(reason && { reason }), ...(message && { message }), lastTransitionTime };
      });
    const all = { ...copy.status, ...fields, observedGeneration: object.metadata.generation, conditions };
    copy.status = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  });
}
