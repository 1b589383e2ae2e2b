/**
 * The three ClusterIP Services of a Deployment or DaemonSet:
 *
 *   <apex>-canary  -> the target's pods        for tests
 *   <apex>-primary -> the primary's pods       for the mesh
 *   <apex>         -> the primary's pods       for all other clients; the target's while it covers for the primary
 */

import { dotted, type ServiceMetadata } from "../core/spec/spec.ts";
import type { Canary } from "../core/status/canary.ts";
import { equal } from "../json/merge-patch.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../ports/kubernetes.ts";
import type { ServiceObject, ServicePort, ServiceSpec, Strings } from "../ports/kubernetes-types.ts";
import { FLUX_OPT_OUT, isOptedOutOfFlux, ownerReference } from "../ports/owner.ts";
import type { ServicesRouter } from "../ports/services.ts";
import type { Snapshot } from "../ports/snapshot.ts";
import type { PodSelector } from "../ports/workload.ts";
import { annotatedObject, KUBECTL_ANNOTATION, withoutOurs } from "../routers/annotations.ts";

type Role = "apex" | "primary" | "canary";

export function createServicesRouter(): ServicesRouter {
  return {
    inputs: (canary) => (["canary", "primary", "apex"] as const).map((role) => refOf(canary, role)),
    made: (canary) => [
      { ref: refOf(canary, "apex"), as: `the Service of canary ${canary.ref.name}`, use: "adopted" },
      ...(["primary", "canary"] as const).map((role) => ({
        ref: refOf(canary, role),
        as: `the Service for the pods of the ${role}`,
        isMade: isOptedOutOfFlux,
      })),
    ],
    renderCopies: (canary, selector, seen) => [
      ...renderService(canary, "canary", selector, seen),
      ...renderService(canary, "primary", selector, seen),
    ],
    renderApex: (canary, selector, seen, servedBy) => renderService(canary, "apex", selector, seen, servedBy),
    handBack: handBackApex,
  };
}

export function serviceName(canary: Canary, role: Role): string {
  const { name } = canary.spec.service;
  return role === "apex" ? name : `${name}-${role}`;
}

function refOf(canary: Canary, role: Role): ObjectRef {
  return { type: RESOURCES.service, namespace: canary.ref.namespace, name: serviceName(canary, role) };
}

function renderService(
  canary: Canary,
  role: Role,
  selector: PodSelector,
  seen: Snapshot,
  servedBy: "primary" | "canary" = role === "canary" ? "canary" : "primary",
): readonly KubeObject[] {
  const existing = seen.get(refOf(canary, role));
  const labels = { ...metadataOf(canary, role)?.labels, [selector.label]: serviceName(canary, role) };
  const annotations = { ...metadataOf(canary, role)?.annotations, ...FLUX_OPT_OUT };
  const podSelector = podSelectorOf(servedBy, selector, existing);
  const ports = servicePorts(canary, selector.ports[servedBy], targetPortFor(servedBy, canary, selector, existing));
  if (existing === undefined) return [created(canary, role, { labels, annotations }, podSelector, ports)];
  const spec = repairedSpec(existing, podSelector, ports);
  if (!isOurs(existing, canary)) {
    // Another owner's Service is only pointed at the primary; its metadata stays.
    const metadata = { ...existing.metadata, annotations: { ...existing.metadata.annotations, ...FLUX_OPT_OUT } };
    return spec === existing.spec ? [] : [{ ...existing, metadata, spec }];
  }
  const unmanaged = canary.spec.service.unmanagedMetadata;
  const metadata = {
    ...existing.metadata,
    labels: { ...labels, ...kept(existing.metadata.labels, unmanaged?.labels) },
    annotations: { ...annotations, ...kept(existing.metadata.annotations, unmanaged?.annotations) },
  };
  return [{ ...existing, metadata, spec }];
}

/**
 * An existing Service is pointed at the primary's pods as soon as one of them can serve: before, it may select other
 * pods that can. A primary that was created again with another selector starts without ready pods.
 */
function podSelectorOf(
  servedBy: "primary" | "canary",
  { target, primary, primaryServes }: PodSelector,
  existing?: ServiceObject,
): Strings {
  if (servedBy === "canary") return { ...target };
  const present: Strings | undefined = existing?.spec?.selector;
  return present === undefined || primaryServes ? { ...primary } : present;
}

/**
 * A release may move the port at which the program answers, and the spec with it. Until the primary carries that
 * release, its pods answer where they did before.
 */
function targetPortFor(
  servedBy: "primary" | "canary",
  { spec: { service } }: Canary,
  { primaryPort, primaryPorts }: PodSelector,
  existing?: ServiceObject,
): number | string {
  if (servedBy === "canary") return service.targetPort;
  if (primaryPort !== undefined) return primaryPort;
  // The spec was edited before the target: the Service stays as it is while pods answer there.
  const present = existing?.spec?.ports?.find(({ name }) => name === service.portName)?.targetPort;
  return present !== undefined && primaryPorts.includes(present) ? present : service.targetPort;
}

function metadataOf(canary: Canary, role: Role): ServiceMetadata | undefined {
  return canary.spec.service[role];
}

function created(
  canary: Canary,
  role: Role,
  metadata: { readonly labels: Strings; readonly annotations: Strings },
  podSelector: Strings,
  ports: readonly ServicePort[],
): KubeObject {
  const { headless, trafficDistribution } = canary.spec.service;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: serviceName(canary, role),
      namespace: canary.ref.namespace,
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations },
      ownerReferences: [ownerReference(canary)],
    },
    spec: {
      type: "ClusterIP",
      selector: podSelector,
      ports,
      // These two fields are applied at creation only (Q64).
      ...(headless ? { clusterIP: "None" } : {}),
      ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    },
  };
}

function servicePorts(
  canary: Canary,
  further: PodSelector["ports"]["primary"],
  targetPort: number | string,
): readonly ServicePort[] {
  const { portName, port, appProtocol } = canary.spec.service;
  const main = { name: portName, protocol: "TCP", port, targetPort, ...(appProtocol ? { appProtocol } : {}) };
  const discovered = further.map(({ name, port: number }) => ({
    name,
    protocol: "TCP",
    port: number,
    targetPort: number,
  }));
  return [main, ...discovered];
}

/** @returns the given spec itself when ports and selector are as wanted */
function repairedSpec({ spec = {} }: ServiceObject, podSelector: Strings, ports: readonly ServicePort[]): ServiceSpec {
  const seenPorts = spec.ports ?? [];
  // A target may publish twenty thousand ports.
  const nodePorts = new Map(seenPorts.map(({ name, nodePort }) => [name, nodePort]));
  const withNodePorts = ports.map((port) => {
    const nodePort = nodePorts.get(port.name);
    return nodePort === undefined ? port : { ...port, nodePort };
  });
  const portsDiffer = !equal(byPort(seenPorts), byPort(withNodePorts));
  const selectorDiffers = !equal(spec.selector ?? {}, podSelector);
  return portsDiffer || selectorDiffers ? { ...spec, selector: podSelector, ports: withNodePorts } : spec;
}

const byPort = (ports: readonly ServicePort[]) => [...ports].sort((a, b) => a.port - b.port);

function isOurs(service: KubeObject, canary: Canary): boolean {
  const controller = service.metadata.ownerReferences?.find((owner) => owner.controller === true);
  return controller?.kind === "Canary" && controller.name === canary.ref.name;
}

function kept(seen: Strings | undefined, keys: readonly string[] | undefined): Record<string, string> {
  return Object.fromEntries((keys ?? []).flatMap((key) => (seen?.[key] === undefined ? [] : [[key, seen[key]]])));
}

/** A Service that a Canary owns is deleted with it; an adopted one selects the target's pods again. */
function handBackApex(canary: Canary, selector: PodSelector, seen: Snapshot): readonly KubeObject[] {
  const apex: ServiceObject | undefined = seen.get(refOf(canary, "apex"));
  const controller = apex?.metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (apex === undefined || controller?.kind === "Canary") return [];
  const applied = appliedManifest(apex, dotted(apex.metadata.name, canary.ref));
  const seenAnnotations = apex.metadata.annotations;
  const metadata =
    seenAnnotations === undefined
      ? apex.metadata
      : { ...apex.metadata, annotations: withoutOurs(seenAnnotations, applied?.metadata?.annotations ?? {}) };
  // A Canary that is deleted before its bootstrap has not taken the Service over: its selector is the owner's choice.
  if (apex.spec?.selector?.[selector.label] !== selector.primary[selector.label]) return [{ ...apex, metadata }];
  const spec = { ...apex.spec, selector: applied?.spec?.selector ?? { ...selector.target } };
  return [{ ...apex, metadata, spec }];
}

/** @throws Error with the text of the contract when the annotation is no JSON */
function appliedManifest({ metadata }: KubeObject, name: string): Partial<ServiceObject> | undefined {
  const text = metadata.annotations?.[KUBECTL_ANNOTATION];
  if (text === undefined) return undefined;
  return annotatedObject(text, KUBECTL_ANNOTATION, `router ${name}`);
}
