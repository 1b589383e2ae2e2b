/** What the queries of one version of a Canary are rendered from. */

import { type Metric, primaryName } from "../../core/spec/spec.ts";
import type { Canary } from "../../core/status/canary.ts";
import type { MetricProbe } from "../../core/turn/observation.ts";
import { errorText } from "../../error-text.ts";
import type { QueryModel } from "../../metrics/template.ts";
import type { KubeObject, ObjectRef } from "../../ports/kubernetes.ts";
import type { MeasuredBy, Workload } from "../../ports/workload.ts";
import { workloadOf } from "../adapters.ts";

/** The parts of a Canary that its queries are rendered from. */
export type Measured = Pick<Canary, "ref" | "spec">;

export interface NamingPorts {
  /** Every kind of target: some say under which name their metrics are found. */
  readonly workloads: readonly Workload[];
  /** One object, read through a cache where there is one. @throws KubeError */
  readonly read: (ref: ObjectRef, signal: AbortSignal) => Promise<KubeObject | undefined>;
}

/** @returns the text of the event when the target cannot be read */
export async function modelFor(
  { ref, spec }: Measured,
  { of }: Pick<MetricProbe, "of">,
  metric: Pick<Metric, "interval" | "templateVariables">,
  ports: NamingPorts,
  signal: AbortSignal,
): Promise<QueryModel | string> {
  const target = spec.targetRef.name;
  let route = spec.routeRef?.name ?? target;
  const measuredBy = workloadOf(ports.workloads, spec.targetRef)?.measuredBy;
  if (measuredBy !== undefined) {
    try {
      route = await nameBy(
        measuredBy,
        { type: measuredBy.type, namespace: ref.namespace, name: target },
        of,
        ports,
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      return `Error fetching ${measuredBy.as} ${ref.namespace}/${target} ${errorText(error)}`;
    }
  }
  return {
    name: ref.name,
    namespace: ref.namespace,
    // The primary's traffic is found under the primary's name.
    target: of === "primary" ? primaryName(spec) : target,
    service: spec.service.name,
    ingress: spec.ingressRef?.name ?? target,
    route,
    interval: metric.interval,
    variables: metric.templateVariables ?? {},
  };
}

/** The name under which the metrics of a side are found. @throws Error when the object that says so is missing */
async function nameBy(
  measuredBy: MeasuredBy,
  ref: ObjectRef,
  of: MetricProbe["of"],
  { read }: NamingPorts,
  signal: AbortSignal,
): Promise<string> {
  const object = await read(ref, signal);
  if (object === undefined) throw new Error(`${ref.type.plural}.${ref.type.group} "${ref.name}" not found`);
  return measuredBy.nameOf(object, of);
}
