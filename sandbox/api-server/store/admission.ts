/** What happens to objects of certain kinds on their way into the store, beyond defaults: addresses, phases, order. */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { completeTraffic } from "../../crds/knative.ts";
import { CRD_CLEANUP, establish } from "../crd.ts";
import { forbidden, notFound } from "../errors.ts";
import type { Resource } from "../resource.ts";
import { same } from "./json.ts";

const FIRST_NODE_PORT = 30_000;
const NODE_PORTS = 2_768;

/** Cluster IPs and node ports for Services. */
export interface ServiceNumbers {
  address(): string;
  giveBack(address: string): void;
  nodePort(): number;
}

/** Takes cluster IPs from the sandbox's block; node ports are only numbers here, without a listener. */
export function serviceNumbers(addresses: {
  readonly service: () => string;
  readonly releaseService: (address: string) => void;
}): ServiceNumbers {
  let ports = 0;
  return {
    address: addresses.service,
    giveBack: addresses.releaseService,
    nodePort: () => {
      ports += 1;
      return FIRST_NODE_PORT + (ports % NODE_PORTS);
    },
  };
}

export interface Admission {
  readonly numbers: ServiceNumbers;
  readonly now: string;
  /** A rehearsal takes no addresses. */
  readonly dryRun: boolean;
}

/** Prepares a new or changed object in its stored version, in place; `live` is undefined for new ones. */
export function admit(draft: KubeObject, live: KubeObject | undefined, admission: Admission): void {
  if (draft.apiVersion === "v1" && draft.kind === "Service") admitService(draft, admission);
  else if (draft.apiVersion === "v1" && draft.kind === "Pod" && live === undefined) {
    draft.status = { phase: "Pending", qosClass: qosClass(draft.spec?.containers ?? []) };
  } else if (draft.apiVersion === "serving.knative.dev/v1" && draft.kind === "Service") {
    completeTraffic(draft);
  } else if (draft.apiVersion === "apps/v1" && draft.kind === "DaemonSet") {
    countTemplates(draft, live);
  } else if (draft.kind === "CustomResourceDefinition") {
    establish(draft, admission.now);
    if (live === undefined) draft.metadata.finalizers = [...(draft.metadata.finalizers ?? []), CRD_CLEANUP];
  }
}

const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

/** The API server counts a DaemonSet's templates in an annotation. */
function countTemplates(draft: KubeObject, live: KubeObject | undefined): void {
  const before = Number(live?.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);
  const changed = live === undefined || !same(live.spec?.template, draft.spec?.template);
  const annotations = { ...draft.metadata.annotations, [TEMPLATE_GENERATION]: String(changed ? before + 1 : before) };
  draft.metadata.annotations = annotations;
}

/** Numbers that were given to an object stay with it when a write leaves them out. Before validation, in place. */
export function inherit(draft: KubeObject, live: KubeObject): void {
  const { spec } = draft;
  if (draft.apiVersion !== "v1" || draft.kind !== "Service" || spec === undefined) return;
  const kept = live.spec?.clusterIP;
  if (spec.type === "ExternalName" || kept === undefined) return;
  if ((spec.clusterIP ?? "") === "") spec.clusterIP = kept;
  spec.clusterIPs ??= [spec.clusterIP];
  if (spec.type === "ClusterIP") return;
  for (const port of spec.ports ?? []) port.nodePort ??= nodePortOf(live, port);
}

function admitService(draft: KubeObject, { numbers, dryRun }: Admission): void {
  const { spec } = draft;
  if (spec === undefined) return;
  if (spec.type === "ExternalName") {
    for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) delete spec[field];
    return;
  }
  if ((spec.clusterIP ?? "") === "" && !dryRun) spec.clusterIP = numbers.address();
  if (spec.clusterIP !== undefined) spec.clusterIPs = [spec.clusterIP];
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
  if (spec.type === "ClusterIP") {
    for (const port of spec.ports ?? []) delete port.nodePort;
  } else if (!dryRun) for (const port of spec.ports ?? []) port.nodePort ??= numbers.nodePort();
}

function nodePortOf(live: KubeObject | undefined, port: KubeFields): number | undefined {
  return live?.spec?.ports?.find((old: KubeFields) => old.port === port.port && old.name === port.name)?.nodePort;
}

/** The address that a Service gives up by this write. */
export function freedAddress(live: KubeObject, next: KubeObject | undefined): string | undefined {
  const address = live.spec?.clusterIP;
  return address === undefined || address === "None" || next?.spec?.clusterIP === address ? undefined : address;
}

/** Guaranteed: every container has limits equal to its requests. BestEffort: none has any. */
function qosClass(containers: readonly KubeFields[]): string {
  const bounds = containers.map(({ resources = {} }) => [resources.requests ?? {}, resources.limits ?? {}]);
  if (bounds.every((pair) => pair.every((map) => Object.keys(map).length === 0))) return "BestEffort";
  const guaranteed = bounds.every(([requests, limits]) =>
    ["cpu", "memory"].every((name) => limits[name] !== undefined && requests[name] === limits[name]),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

/** New objects need a namespace that exists and stays. */
export function checkNamespace(
  resource: Resource,
  name: string,
  namespaceName: string,
  namespace: KubeObject | undefined,
): void {
  if (namespace === undefined) {
    throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespaceName);
  }
  if (namespace.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespaceName} because it is being terminated`;
  const message = `namespace ${namespaceName} is being terminated`;
  throw forbidden(resource, name, why, [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }]);
}
