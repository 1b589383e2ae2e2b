/** What the operator reads from a target's pod spec and changes on its way to the primary, for every kind of target. */

import type {
  ContainerPort,
  LabelExpression,
  LabelSelector,
  PodSpec,
  Selecting,
  WeightedTerm,
} from "../ports/kubernetes-types.ts";
import { primaryNameOf } from "./metadata.ts";

/** A port of the generated Services beside the main one. Service port and container port are the same number. */
export interface DiscoveredPort {
  readonly name: string;
  readonly port: number;
}

/** Sidecar containers that a mesh adds to the pods. */
const SIDECARS = new Set(["istio-proxy", "envoy"]);

/**
 * The container ports of a pod spec, sorted by name, without sidecars, init containers and the Service's own target
 * (`targetPort`, by number or name; the port itself when unset or 0). A port without a name, or with the name of the
 * Service's own port, is called `tcp-<container>-<index>`. Of two ports with the same name the last counts. A port
 * number is published once, because the API server refuses a Service that lists a name or a number twice.
 */
export function discoverPorts(
  podSpec: PodSpec | undefined,
  service: { readonly port: number; readonly portName?: string; readonly targetPort?: number | string },
): readonly DiscoveredPort[] {
  const containers = podSpec?.containers ?? [];
  const byName = new Map<string, number>();
  for (const container of containers.filter(({ name }) => !SIDECARS.has(name))) {
    for (const [index, port] of (container.ports ?? []).entries()) {
      if (isMain(port, service)) continue;
      const named = port.name !== undefined && port.name !== "" && port.name !== service.portName;
      byName.set(named ? port.name : `tcp-${container.name}-${index}`, port.containerPort);
    }
  }
  const published = new Set([service.port]);
  const once = [...byName].filter(([, port]) => !published.has(port) && published.add(port));
  return once.map(([name, port]) => ({ name, port })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isMain(
  port: ContainerPort,
  service: { readonly port: number; readonly targetPort?: number | string },
): boolean {
  const { targetPort = 0 } = service;
  if (targetPort === 0 || targetPort === "0" || targetPort === "") return port.containerPort === service.port;
  return typeof targetPort === "number" ? port.containerPort === targetPort : port.name === targetPort;
}

type PortRef = number | string;

/** Every name and number by which a Service can find a port of the pods. */
export const declaredPorts = (podSpec: PodSpec | undefined): readonly PortRef[] =>
  (podSpec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, containerPort }) => (name ? [containerPort, name] : [containerPort])),
  );

/**
 * Where the pods of another revision answer what `targetPort` means in `podSpec`: at the same port, or else at the port
 * of the same container that has the same name or place. undefined: the pod specs do not tell.
 */
export function samePort(
  targetPort: PortRef,
  podSpec: PodSpec | undefined,
  other: PodSpec | undefined,
): PortRef | undefined {
  if (declaredPorts(other).includes(targetPort)) return targetPort;
  for (const { name, ports = [] } of podSpec?.containers ?? []) {
    const index = ports.findIndex((port) => port.containerPort === targetPort || port.name === targetPort);
    if (index === -1) continue;
    const { ports: others = [] } = other?.containers?.find((container) => container.name === name) ?? {};
    const named = others.find((port) => port.name !== undefined && port.name === ports[index]?.name);
    return (named ?? others[index])?.containerPort;
  }
  return undefined;
}

/**
 * The pod spec in which the primary's pods are kept apart from each other, as the target's pods were: selectors of
 * topology spread constraints and of pod anti-affinity that name the target (`targetName` as the value of one of
 * `selectorLabels`) name the primary. Pod affinity and node affinity stay as they are.
 */
export function rewriteForPrimary(
  podSpec: PodSpec,
  { targetName, selectorLabels }: { readonly targetName: string; readonly selectorLabels: readonly string[] },
): PodSpec {
  const selector = (given: LabelSelector) => primarySelector(given, targetName, new Set(selectorLabels));
  const term = <T extends Selecting>(given: T): T =>
    given.labelSelector ? { ...given, labelSelector: selector(given.labelSelector) } : given;
  const weighted = (given: WeightedTerm): WeightedTerm =>
    given.podAffinityTerm ? { ...given, podAffinityTerm: term(given.podAffinityTerm) } : given;
  const { topologySpreadConstraints: spread, affinity } = podSpec;
  const apart = affinity?.podAntiAffinity;
  const { preferredDuringSchedulingIgnoredDuringExecution: preferred } = apart ?? {};
  const { requiredDuringSchedulingIgnoredDuringExecution: required } = apart ?? {};
  const podAntiAffinity = {
    ...apart,
    ...(preferred && { preferredDuringSchedulingIgnoredDuringExecution: preferred.map(weighted) }),
    ...(required && { requiredDuringSchedulingIgnoredDuringExecution: required.map(term) }),
  };
  return {
    ...podSpec,
    ...(spread && { topologySpreadConstraints: spread.map(term) }),
    ...(apart && { affinity: { ...affinity, podAntiAffinity } }),
  };
}

function primarySelector(given: LabelSelector, targetName: string, labels: ReadonlySet<string>): LabelSelector {
  const rename = (value: string) => (value === targetName ? primaryNameOf(value) : value);
  const { matchLabels, matchExpressions } = given;
  return {
    ...given,
    ...(matchLabels && {
      matchLabels: Object.fromEntries(
        Object.entries(matchLabels).map(([key, value]) => [key, labels.has(key) ? rename(value) : value]),
      ),
    }),
    ...(matchExpressions && {
      matchExpressions: matchExpressions.map((expression) =>
        labels.has(expression.key) ? withFirstRenamed(expression, targetName) : expression,
      ),
    }),
  };
}

function withFirstRenamed(expression: LabelExpression, targetName: string): LabelExpression {
  const first = expression.values?.indexOf(targetName) ?? -1;
  if (expression.values === undefined || first < 0) return expression;
  return { ...expression, values: expression.values.with(first, primaryNameOf(targetName)) };
}
