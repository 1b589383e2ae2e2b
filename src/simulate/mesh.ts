/** The mesh between users and pods: which share of the requests goes where, by the objects in the cluster. */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Api } from "./api.ts";
import type { MeshReader } from "./meshes/mesh-reader.ts";
import { meshOf } from "./meshes/table.ts";
import type { Scenario } from "./scenario.ts";
import { kindOf, namesOf, type Refs, refsOf } from "./targets.ts";
import type { Workloads } from "./workloads.ts";

export type Role = "primary" | "canary";

/** How the users' requests are split. Percent. */
export interface Split {
  readonly primary: number;
  readonly canary: number;
  readonly mirror: boolean;
}

export interface Mesh {
  /** Whether a change of this object may change the split. */
  follows(type: ResourceType): boolean;
  /** The split that the objects ask for; proxies follow a moment later. */
  split(): Split;
  /** Pods that answer requests for a role, by image. */
  serving(role: Role): ReadonlyMap<string, number>;
  /**
   * Whether the copy of a role has pods that could serve, if its Service selects them; false where no Service selects
   * pods.
   */
  hasPods(role: Role): boolean;
}

export interface MeshPorts {
  readonly api: Api;
  readonly scenario: Scenario;
  readonly workloads: Workloads;
}

export function createMesh(ports: MeshPorts): Mesh {
  const { type } = kindOf(ports.scenario.target);
  if (type === RESOURCES.knativeService) return createKnativeMesh(ports);
  const { api, scenario, workloads } = ports;
  const refs = refsOf(scenario, kindOf(scenario.target));
  const { namespace, service, target } = namesOf(scenario);
  const reader = meshOf(scenario.canary.spec?.provider);
  const serviceOf = (name: string) => api.get({ type: RESOURCES.service, namespace, name });
  const selectedBy = (...names: readonly string[]) =>
    workloads.selected(namespace, names.map(serviceOf).find((found) => found !== undefined)?.spec?.selector ?? {});
  const podsOf = (role: Role) => workloads.serving(role === "primary" ? refs.primary : refs.target);
  const serving = (role: Role) => {
    if (type === RESOURCES.service) {
      return role === "primary" ? selectedBy(`${target}-primary`) : selectedBy(`${target}-canary`, target);
    }
    const apex = serviceOf(service);
    // Before Aviary, and after it, users reach the target in ways of their own.
    if (apex === undefined) return podsOf(role);
    return areRouted(api, reader, refs, service) ? selectedBy(`${service}-${role}`) : selectedBy(service);
  };
  return {
    follows: ({ kind }) => kind === reader.type.kind || kind === RESOURCES.service.kind,
    split: () => splitOf(ports, reader, refs, service),
    serving,
    hasPods: (role) => type !== RESOURCES.service && podsOf(role).size > 0,
  };
}

/** The weights that the mesh reads, else those of the pods that the apex Service selects. */
function splitOf({ api, scenario }: MeshPorts, reader: MeshReader, { routes: ref }: Refs, service: string): Split {
  const routes = api.get(ref);
  const weights = routes === undefined ? undefined : reader.weights(routes, service);
  if (weights !== undefined) {
    const { primary, canary, mirror, matchedOnly } = weights;
    const total = primary + canary;
    const promised = total === 0 ? 0 : (canary / total) * (matchedOnly ? scenario.matched : 100);
    const share = primary > 0 && canary > 0 ? (scenario.meshShare ?? promised) : promised;
    return { primary: 100 - share, canary: share, mirror };
  }
  const apex = api.get({ type: RESOURCES.service, namespace: ref.namespace, name: service });
  return selectsPrimary(apex) ? { primary: 100, canary: 0, mirror: false } : { primary: 0, canary: 100, mirror: false };
}

/** Whether the mesh has routes. Without routes, requests go to the pods that the apex Service selects. */
function areRouted(api: Api, reader: MeshReader, { routes }: Refs, service: string): boolean {
  const found = api.get(routes);
  return found !== undefined && reader.weights(found, service) !== undefined;
}

function selectsPrimary(apex: KubeObject | undefined): boolean {
  return Object.values(apex?.spec?.selector ?? {}).some((value) => String(value).endsWith("-primary"));
}

/** A Knative Service splits its own traffic; "latest revision" means the latest ready one. */
function createKnativeMesh({ api, scenario, workloads }: MeshPorts): Mesh {
  const refs = refsOf(scenario, kindOf(scenario.target));
  const { namespace } = refs.target;
  const revisionsOf = () => {
    const { spec, status } = api.get(refs.target) ?? {};
    const traffic: readonly KubeFields[] = spec?.traffic ?? [{ latestRevision: true, percent: 100 }];
    const named = traffic.find(({ revisionName }) => revisionName !== undefined);
    return {
      primary: named?.revisionName ?? "",
      canary: status?.latestReadyRevisionName ?? "",
      share: traffic.find(({ latestRevision }) => latestRevision === true)?.percent ?? 0,
    };
  };
  return {
    follows: (changed) => changed === RESOURCES.knativeService,
    split() {
      const { share } = revisionsOf();
      return { primary: 100 - share, canary: share, mirror: false };
    },
    hasPods: () => false,
    serving: (role) => workloads.serving({ type: RESOURCES.knativeRevision, namespace, name: revisionsOf()[role] }),
  };
}
