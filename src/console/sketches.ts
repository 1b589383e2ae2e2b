/** What the console keeps of a Canary that takes too much memory, see cli/serve-console.ts. */
import { type KubeObject, metadataPart } from "../ports/kubernetes.ts";
import { textIn } from "./shown.ts";

/** Canaries that are left out, because the objects of their namespace take too much memory. */
const SKETCHES = new WeakSet<KubeObject>();
export const isSketch = (canary: KubeObject): boolean => SKETCHES.has(canary);

/** What is kept of a Canary that is left out: its name and phase are listed, and its page reads it whole. */
export function canarySketch(canary: KubeObject): KubeObject {
  const { apiVersion, kind, status = {} } = canary;
  const { phase, canaryWeight, failedChecks, lastTransitionTime } = status;
  const known = { phase: textIn(phase), canaryWeight, failedChecks, lastTransitionTime: textIn(lastTransitionTime) };
  const sketch = {
    ...{ apiVersion, kind, status: known },
    metadata: metadataPart(canary, "namespace", "uid", "resourceVersion", "creationTimestamp"),
  };
  SKETCHES.add(sketch);
  return sketch;
}
