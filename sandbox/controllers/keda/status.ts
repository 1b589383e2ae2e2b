/** What a ScaledObject says of itself. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import type { NewCondition } from "../conditions.ts";
import type { ControllerContext, Wiring } from "../context.ts";
import { editStatus } from "../objects.ts";

export interface StatusChange {
  /** Others stay as they are. */
  readonly conditions: readonly NewCondition[];
  /** undefined takes a field away. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** In this order, and all of them always there, as in KEDA. */
const ORDER = ["Ready", "Active", "Fallback", "Paused"];

export const KNOWN_CONDITIONS = {
  paused: { type: "Paused", status: "True", reason: "ScaledObjectPaused", message: "ScaledObject is paused" },
  resumed: { type: "Paused", status: "False", reason: "ScaledObjectUnpaused", message: "ScaledObject is not paused" },
  noFallback: {
    type: "Fallback",
    status: "False",
    reason: "NoFallbackFound",
    message: "No fallbacks are active on this scaled object",
  },
  ready: (message: string): NewCondition => ({ type: "Ready", status: "True", reason: "ScaledObjectReady", message }),
} as const satisfies Record<string, NewCondition | ((message: string) => NewCondition)>;

interface Surroundings {
  readonly context: Pick<ControllerContext, "cluster">;
  readonly wiring: Pick<Wiring, "events">;
}

export function saveStatus({ context: { cluster } }: Surroundings, object: KubeObject, change: StatusChange): void {
  editStatus(cluster, RESOURCES.scaledObject, object, (copy) => {
    const before: readonly KubeFields[] = copy.status?.conditions ?? [];
    const conditions = ORDER.map(
      (type) =>
        change.conditions.find((condition) => condition.type === type) ??
        before.find((condition) => condition.type === type) ?? { type, status: "Unknown" },
    );
    const fields = Object.entries({ ...copy.status, ...change.fields, conditions });
    copy.status = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  });
}

/** It cannot be followed, and says why. */
export function refused(around: Surroundings, object: KubeObject, why: string): void {
  around.wiring.events.warning(object, "ScaledObjectCheckFailed", why);
  saveStatus(around, object, {
    conditions: [
      { type: "Ready", status: "False", reason: "ScaledObjectCheckFailed", message: why },
      { type: "Active", status: "Unknown", reason: "UnknownState", message: "ScaledObject check failed" },
    ],
    fields: {},
  });
}
