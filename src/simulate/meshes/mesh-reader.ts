/** How one mesh reads the objects that route: written independently of the routers, whose writing it judges. */
import type { KubeFields, KubeObject, ResourceType } from "../../ports/kubernetes.ts";
import { createRouters } from "../../routers/table.ts";

export interface Weights {
  readonly primary: number;
  readonly canary: number;
  readonly mirror: boolean;
  /** Only requests that match follow these weights; all others reach the primary. */
  readonly matchedOnly: boolean;
}

export interface MeshReader {
  readonly type: ResourceType;
  /** undefined: the object does not name the canary. */
  weights(object: KubeObject, service: string): Weights | undefined;
  /** What the mesh would refuse or rescale in an object that the operator wrote. Absent: the simulation cannot tell. */
  fault?(object: KubeObject): string | undefined;
  /** The mesh distinguishes single users, and `visitors.ts` understands its rules. */
  readonly knowsVisitors?: true;
  /** A spec that gives both the same share, as a person would write it. */
  even(object: KubeObject | undefined, service: string): KubeFields;
}

/** The simulated cluster compares kinds by identity, so a reader names the same kind object as the router. */
export function kindOfRouter(provider: string, kind: string): ResourceType {
  const kinds = createRouters({ setOwnerRefs: true }).get(provider)?.kinds ?? [];
  const found = kinds.find(({ type }) => type.kind === kind);
  if (found === undefined) throw new Error(`provider ${provider} has no kind ${kind}`);
  return found.type;
}
