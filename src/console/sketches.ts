/** What the console keeps of a Canary that takes too much memory, see cli/serve-console.ts. */
import type { KubeObject } from "../ports/kubernetes.ts";
import { textIn } from "./shown.ts";

/** Canaries that are left out, because the objects of their namespace take too much memory. */
const SKETCHES = new WeakSet<KubeObject>();
export const isSketch = (canary: KubeObject): boolean => SKETCHES.has(canary);

/** What is kept of a Canary that is left out: its name and phase are listed, and its page reads it whole. */
export function canarySketch({ apiVersion, kind, metadata, status = {} }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const identity = { name, namespace, uid, resourceVersion, creationTimestamp };
  const { phase, canaryWeight, failedChecks, lastTransitionTime } = status;
  const known = { phase: textIn(phase), canaryWeight, failedChecks, lastTransitionTime: textIn(lastTransitionTime) };
  const sketch = {
    ...{ apiVersion, kind, status: known },
    metadata: Object.fromEntries(
      Object.entries(identity).filter(([, value]) => value !== undefined),
    ) as typeof metadata,
  };
  SKETCHES.add(sketch);
  return sketch;
}
