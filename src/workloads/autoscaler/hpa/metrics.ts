/**
 * The metrics of the primary's HorizontalPodAutoscaler: the source's metrics, with the primary's name for the target's.
 */
import type { CanarySpec } from "../../../core/spec/spec.ts";
import { primaryNameOf } from "../../metadata.ts";

/** As in autoscaling/v2. Fields that are not listed here are kept as they are. */
interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly values?: readonly string[] }[];
}

interface MetricIdentifier {
  readonly name: string;
  readonly selector?: LabelSelector;
}

interface DescribedObject {
  readonly kind: string;
  readonly name: string;
}

export interface MetricSpec {
  readonly type: string;
  readonly pods?: { readonly metric?: MetricIdentifier };
  readonly object?: { readonly metric?: MetricIdentifier; readonly describedObject?: DescribedObject };
}

/**
 * Metrics of type Pods and Object name the primary by the same rule as KEDA's queries: a label whose value is the
 * target's name, or that name with `-canary`, gets the primary's name. An object that has a copy for the primary is
 * replaced by the copy. External metrics stay, because their names belong to other systems. Resource metrics contain no
 * name.
 */
export function primaryMetrics(
  metrics: readonly MetricSpec[],
  { targetRef, service }: Pick<CanarySpec, "targetRef" | "service">,
): readonly MetricSpec[] {
  const renamed = (value: string) => renaming(value, targetRef.name);
  return metrics.map((metric) => {
    if (metric.type === "Pods" && metric.pods?.metric) {
      return { ...metric, pods: { ...metric.pods, metric: withSelector(metric.pods.metric, renamed) } };
    }
    if (metric.type !== "Object" || metric.object === undefined) return metric;
    const { metric: identifier, describedObject } = metric.object;
    return {
      ...metric,
      object: {
        ...metric.object,
        ...(identifier && { metric: withSelector(identifier, renamed) }),
        ...(describedObject && { describedObject: withName(describedObject, targetRef, service.name) }),
      },
    };
  });
}

function renaming(value: string, name: string): string {
  return value === name || value === `${name}-canary` ? primaryNameOf(name) : value;
}

function withName(described: DescribedObject, target: CanarySpec["targetRef"], service: string): DescribedObject {
  if (described.kind === target.kind) return { ...described, name: renaming(described.name, target.name) };
  return described.kind === "Service" ? { ...described, name: renaming(described.name, service) } : described;
}

function withSelector(metric: MetricIdentifier, renamed: (value: string) => string): MetricIdentifier {
  const { selector } = metric;
  if (!selector) return metric;
  const { matchLabels, matchExpressions } = selector;
  const labels = Object.entries(matchLabels ?? {}).map(([key, value]) => [key, renamed(value)]);
  const expressions = matchExpressions?.map((given) =>
    given.values ? { ...given, values: given.values.map(renamed) } : given,
  );
  return {
    ...metric,
    selector: {
      ...selector,
      ...(matchLabels && { matchLabels: Object.fromEntries(labels) }),
      ...(expressions && { matchExpressions: expressions }),
    },
  };
}
