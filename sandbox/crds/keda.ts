/** What a KEDA installation adds to a cluster, as far as the sandbox's imitation knows it: ScaledObjects. */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { AGE, definition, OPEN } from "./definition.ts";

const count = (minimum: number) => ({ type: "integer", format: "int32", minimum });

const condition = (name: string) => ({
  name,
  jsonPath: `.status.conditions[?(@.type=="${name}")].status`,
  type: "string",
});

/** Fields that are not named here are kept as they are. */
const SPEC = {
  ...OPEN,
  required: ["scaleTargetRef", "triggers"],
  properties: {
    scaleTargetRef: { ...OPEN, required: ["name"], properties: { name: { type: "string", minLength: 1 } } },
    pollingInterval: count(1),
    initialCooldownPeriod: count(0),
    cooldownPeriod: count(0),
    idleReplicaCount: count(0),
    minReplicaCount: count(0),
    maxReplicaCount: count(1),
    triggers: {
      type: "array",
      minItems: 1,
      items: {
        ...OPEN,
        required: ["type", "metadata"],
        properties: {
          type: { type: "string" },
          name: { type: "string" },
          metricType: { type: "string", enum: ["AverageValue", "Value", "Utilization"] },
          metadata: { type: "object", additionalProperties: { type: "string" } },
        },
      },
    },
  },
};

export function kedaCrds(): readonly KubeObject[] {
  const scaledObject = definition({
    group: "keda.sh",
    kind: "ScaledObject",
    singular: "scaledobject",
    shortNames: ["so"],
    categories: [],
    versions: ["v1alpha1"],
    spec: SPEC,
    columns: [
      { name: "ScaleTargetKind", jsonPath: ".status.scaleTargetKind", type: "string" },
      { name: "ScaleTargetName", jsonPath: ".spec.scaleTargetRef.name", type: "string" },
      { name: "Min", jsonPath: ".spec.minReplicaCount", type: "integer" },
      { name: "Max", jsonPath: ".spec.maxReplicaCount", type: "integer" },
      ...["Ready", "Active", "Paused"].map(condition),
      AGE,
    ],
  });
  return [scaledObject];
}
