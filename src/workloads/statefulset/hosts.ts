/**
 * The headless Service that gives the primary's pods their host names. The target's Service selects the target's pods,
 * and the generated `<apex>-primary` may have an address, so the primary has a third Service.
 */
import { type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { ServiceObject, WorkloadObject } from "../../ports/kubernetes-types.ts";
import { FLUX_OPT_OUT, isOptedOutOfFlux, ownerReference } from "../../ports/owner.ts";
import type { Companions } from "../copied/kind.ts";
import { primaryNameOf } from "../metadata.ts";

/** "podinfo" -> "podinfo-primary-hosts": the pods are called podinfo-primary-0.podinfo-primary-hosts … */
export function hostsServiceName(target: WorkloadObject): string {
  return `${primaryNameOf(target.metadata.name)}-hosts`;
}

export const HOSTS_SERVICE: Companions = {
  inputs: (target) =>
    target.spec?.serviceName
      ? [serviceRef(target, target.spec.serviceName), serviceRef(target, hostsServiceName(target))]
      : [],
  made: (target) =>
    target.spec?.serviceName
      ? [
          {
            ref: serviceRef(target, hostsServiceName(target)),
            as: "the Service for the host names of the primary's pods",
            isMade: isOptedOutOfFlux,
          },
        ]
      : [],
  render(canary, target, labels, seen) {
    if (!target.spec?.serviceName) return [];
    const own: ServiceObject | undefined = seen.get(serviceRef(target, target.spec.serviceName));
    const existing: ServiceObject | undefined = seen.get(serviceRef(target, hostsServiceName(target)));
    // The primary may have been created again with another selector.
    if (existing !== undefined) return [{ ...existing, spec: { ...existing.spec, selector: { ...labels.primary } } }];
    const { ports } = own?.spec ?? {};
    return [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
          name: hostsServiceName(target),
          namespace: canary.ref.namespace,
          annotations: { ...FLUX_OPT_OUT },
          ownerReferences: [ownerReference(canary)],
        },
        spec: {
          type: "ClusterIP",
          clusterIP: "None",
          selector: { ...labels.primary },
          // Peers must find each other before they are ready, if the target's Service allows it.
          ...(own?.spec?.publishNotReadyAddresses ? { publishNotReadyAddresses: true } : {}),
          ...(ports === undefined ? {} : { ports: ports.map(withoutNodePort) }),
        },
      },
    ];
  },
};

function withoutNodePort(port: { readonly nodePort?: number }): object {
  const { nodePort: _own, ...rest } = port;
  return rest;
}

function serviceRef(target: WorkloadObject, name: string): ObjectRef {
  return { type: RESOURCES.service, namespace: target.metadata.namespace ?? "", name };
}
