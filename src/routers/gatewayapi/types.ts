/**
 * The Gateway API's own types, and the fields of `spec.service` that become parts of a route, as far as the router
 * reads or writes them. Every type may carry further fields, which are passed on as they are.
 */
import type { KubeObject } from "../../ports/kubernetes.ts";
import type { Fields, Strings } from "../../ports/kubernetes-types.ts";

/** An HTTPRoute, GRPCRoute, TCPRoute or TLSRoute. */
export interface Route extends KubeObject {
  spec?: RouteSpec;
  status?: RouteStatus;
}

export interface RouteSpec extends Fields {
  readonly parentRefs?: readonly ParentRef[];
  readonly rules?: readonly Rule[];
}

/** Names a gateway, or a listener of it. */
export interface ParentRef extends Fields {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
}

export interface Rule extends Fields {
  readonly name?: string;
  readonly matches?: readonly Match[];
  readonly filters?: readonly Filter[];
  readonly backendRefs?: readonly BackendRef[];
}

/** A match of a rule; all its conditions must hold. */
export interface Match extends Fields {
  readonly path?: ValueMatch;
  /** Of an HTTPRoute the verb, of a GRPCRoute service and method. */
  readonly method?: string | GrpcMethod;
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
}

export interface ValueMatch extends Fields {
  readonly type: string;
  readonly value: string;
}

export interface NamedMatch extends ValueMatch {
  readonly name: string;
}

export interface GrpcMethod extends Fields {
  readonly type: string;
  readonly service: string;
  readonly method?: string;
}

/** A Service; the weight counts as 1 when it is absent. */
export interface BackendRef extends Fields {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly Filter[];
}

export interface Filter extends Fields {
  readonly type: string;
  readonly requestMirror?: Fields & { readonly backendRef?: BackendRef; readonly percent?: number };
  readonly responseHeaderModifier?: HeaderModifier;
}

export interface HeaderModifier extends Fields {
  readonly add?: readonly Header[];
  readonly set?: readonly Header[];
  readonly remove?: readonly string[];
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface RouteStatus extends Fields {
  readonly parents?: readonly ParentStatus[];
}

/** What one gateway reports about the route. */
export interface ParentStatus extends Fields {
  readonly parentRef?: ParentRef;
  readonly conditions?: readonly RouteCondition[];
}

export interface RouteCondition extends Fields {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

/** Fields of `spec.service` as the Canary has them: Istio's, and a few of the Gateway API. */
export interface ServiceFields {
  readonly headers?: { readonly request?: HeaderOperations | null; readonly response?: HeaderOperations | null };
  readonly rewrite?: { readonly uri?: string; readonly authority?: string; readonly type?: string };
  readonly mirror?: readonly { readonly backendRef: BackendRef }[];
  readonly corsPolicy?: CorsPolicy | null;
  readonly filters?: readonly Filter[];
  readonly timeout?: string;
  readonly backendTimeout?: string;
}

export interface HeaderOperations {
  readonly add?: Strings;
  readonly set?: Strings;
  readonly remove?: readonly string[];
}

export interface CorsPolicy {
  readonly allowOrigin?: readonly string[];
  readonly allowOrigins?: readonly { readonly exact?: string }[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly allowCredentials?: boolean;
  readonly maxAge?: string;
}
