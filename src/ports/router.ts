import type { Capabilities } from "../core/plan/plan.ts";
import type { CanarySpec } from "../core/spec/spec.ts";
import type { ProviderField } from "../core/spec/spec-rules.ts";
import type { Canary, Routes } from "../core/status/canary.ts";
import type { KubeObject, ObjectRef, ResourceType } from "./kubernetes.ts";
import type { MadeObject } from "./owner.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Pure translator between Routes and one mesh's or gateway's objects. Laws, kept by routers/conformance.test.ts:
 *
 *   read(apply(render(r))) = r                      what was written is what is read
 *   render(r) over apply(render(r)) changes nothing  writing twice is writing once
 *   fields and rules of other owners survive
 */
export interface Router {
  /** Provider string, e.g. "istio". */
  readonly name: string;
  readonly capabilities: Capabilities;
  /**
   * The kinds that the router reads or writes, beside those that every module knows (RESOURCES of ports/kubernetes.ts).
   */
  readonly kinds: readonly RouterKind[];
  /** The mesh's proxies run beside the pods of the namespaces that are labelled for it. Absent: none are needed. */
  readonly sidecars?: Sidecars;
  /** Names with a suffix after a colon are served too: "smi:v1alpha2" serves "smi:v1alpha2:istio". */
  readonly takesSuffix?: true;
  /** Fields of the spec that not every router reads, and this one does. Absent: none. */
  readonly reads?: readonly ProviderField[];
  /** Why a spec that names this provider itself is invalid, text of the event; undefined or absent: it is valid. */
  refusal?(spec: CanarySpec): string | undefined;
  /** Why this Canary cannot be routed here (text of a Warning event); undefined when it can. */
  problem(canary: Canary): string | undefined;
  /** What stands in the way in the cluster at this moment; undefined when nothing does. Asked in every turn. */
  obstacle?(canary: Canary, seen: Snapshot): Obstacle | undefined;
  /** Every object that read, render and handBack look at or write. */
  inputs(canary: Canary): readonly ObjectRef[];
  /** The objects that the router makes; see `MadeObject`. Absent: it only changes objects of others. */
  made?(canary: Canary): readonly MadeObject[];
  /** undefined: the objects are missing or say nothing that can be understood. */
  read(canary: Canary, seen: Snapshot): Routes | undefined;
  /** False: the mesh says that it has not taken the latest version of the routes yet. Absent: the mesh says nothing. */
  followed?(canary: Canary, seen: Snapshot): boolean;
  /**
   * Whole objects as they should be, in the order in which to write them: for an object that exists, the seen one with
   * Aviary's fields replaced. Session cookies come from `canary.status.cookies`.
   */
  render(canary: Canary, routes: Routes, seen: Snapshot): readonly KubeObject[];
  /** Objects that must exist before the pods of the primary are made. They carry no traffic yet. */
  prepare?(canary: Canary, seen: Snapshot): readonly KubeObject[];
  /** Objects as they were before Aviary took the routes, as far as that is known; for `revertOnDeletion`. */
  handBack(canary: Canary, seen: Snapshot): readonly KubeObject[];
}

/** How a namespace asks for sidecars. */
export interface Sidecars {
  /** The label as people write it: "istio-injection=enabled". */
  readonly label: string;
  /** Whether labels of a namespace ask for them; there may be more ways than one. */
  askedBy(labels: Readonly<Record<string, string>>): boolean;
}

/** A kind of a mesh or gateway. */
export interface RouterKind {
  readonly type: ResourceType;
  /** Objects of this kind are changed, and never made. */
  readonly changesOnly?: true;
  /**
   * What the event says of a write that was refused, up to the API server's own words.
   * @param name of the object, with its namespace where it has one: "podinfo.test"
   */
  readonly refused?: (name: string, verb: "create" | "update") => string;
}

/** What keeps a router from writing routes at this moment. */
export interface Obstacle {
  /** Text of a Warning event: what is missing or refused, and by what. */
  readonly text: string;
  /** True: the objects are still written, because a write may remove the obstacle. False: nothing is written. */
  readonly writable: boolean;
}

/** Flags of the operator that routers need. */
export interface RouterOptions {
  /** Prefix of the annotations of NGINX (`-ingress-annotations-prefix`). */
  readonly ingressAnnotationsPrefix?: string;
  /** Class of Contour's HTTPProxies (`-ingress-class`); none when empty. */
  readonly ingressClass?: string;
  /** False when the mesh's objects live in another cluster than the Canary. */
  readonly setOwnerRefs: boolean;
}
