/** A Knative Service is a Configuration (what runs) and a Route (who gets the requests) of its name. */
import { equal } from "../../../src/json/merge-patch.ts";
import type { KubeFields, KubeObject, ResourceType } from "../../../src/ports/kubernetes.ts";
import { apiVersionOf } from "../../../src/ports/kubernetes.ts";
import { KNATIVE, KNATIVE_LABELS } from "../../crds/knative.ts";
import { type ControllerContext, type Stop, startController } from "../context.ts";
import { controllerRef, edit, getByKey, isControlledBy, isTerminating, namespaceOf } from "../objects.ts";
import { conditionOf, isObserved, type State, saveStatus, TRUE } from "./conditions.ts";

export function startServices(context: ControllerContext): Stop {
  return startController(context, "service-controller", (wiring) => {
    wiring.onSelf(KNATIVE.service);
    wiring.onOwned(KNATIVE.configuration, KNATIVE.service);
    wiring.onOwned(KNATIVE.route, KNATIVE.service);
    return (key) => {
      const service = getByKey(context.cluster, KNATIVE.service, key);
      if (service !== undefined && !isTerminating(service)) sync(context, service);
    };
  });
}

function sync(context: ControllerContext, service: KubeObject): void {
  const { template, traffic = [] } = service.spec ?? {};
  const configuration = child(context, KNATIVE.configuration, service, { template });
  const route = child(context, KNATIVE.route, service, { traffic: traffic.map(targetOf(service)) });
  saveStatus(
    context,
    KNATIVE.service,
    service,
    {
      ConfigurationsReady: stateOf(KNATIVE.configuration, service, configuration),
      RoutesReady: stateOf(KNATIVE.route, service, route),
    },
    {
      latestCreatedRevisionName: configuration?.status?.latestCreatedRevisionName,
      latestReadyRevisionName: configuration?.status?.latestReadyRevisionName,
      url: route?.status?.url,
      address: route?.status?.address,
      traffic: route?.status?.traffic,
    },
  );
}

/** A Route knows of Configurations and Revisions only. */
function targetOf({ metadata }: KubeObject): (target: KubeFields) => KubeFields {
  return (target) => (target.latestRevision === true ? { ...target, configurationName: metadata.name } : target);
}

/** @returns undefined when another client's object has its name */
function child(
  { cluster }: ControllerContext,
  type: ResourceType,
  service: KubeObject,
  spec: KubeFields,
): KubeObject | undefined {
  const { name } = service.metadata;
  const live = cluster.get(type, namespaceOf(service), name);
  if (live === undefined) {
    return cluster.create(type, {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: {
        name,
        namespace: namespaceOf(service),
        labels: { ...service.metadata.labels, [KNATIVE_LABELS.service]: name },
        ownerReferences: [controllerRef(service)],
      },
      spec: structuredClone(spec),
    });
  }
  if (!isControlledBy(live, service)) return undefined;
  if (equal(withoutEmpty(live.spec), withoutEmpty(spec))) return live;
  return edit(cluster, type, live, (copy) => {
    copy.spec = structuredClone(spec);
  });
}

/** Go clients write `resources: {}`, `name: ""` and `creationTimestamp: null` for absent fields. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, withoutEmpty(field)] as const);
  return Object.fromEntries(
    fields.filter(([, field]) => !["null", '""', "{}", undefined].includes(JSON.stringify(field))),
  );
}

function stateOf({ kind }: ResourceType, { metadata: { name } }: KubeObject, object: KubeObject | undefined): State {
  if (object === undefined) {
    return {
      status: "False",
      reason: "NotOwned",
      message: `There is an existing ${kind} "${name}" that we do not own.`,
    };
  }
  if (!isObserved(object)) {
    const message = `The ${kind} is still working to reflect the latest desired specification.`;
    return { status: "Unknown", reason: "OutOfDate", message };
  }
  const { status, reason, message } = conditionOf(object, "Ready") ?? { status: "Unknown" };
  return status === "True" ? TRUE : { status, ...(reason && { reason }), ...(message && { message }) };
}
