/** How a Canary of each provider leads to its users on each of the real meshes. */
import type { RealMesh } from "../../sandbox/mesh-programs/index.ts";
import {
  type KubeFields,
  type KubeObject,
  namespaced,
  RESOURCES,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import { PORT } from "../e2e/stories/manifests.ts";

export type Strategy = "steps" | "A/B test" | "blue/green" | "mirroring" | "affinity";

export interface Way {
  readonly mesh: RealMesh;
  readonly provider: string;
  readonly can: readonly Strategy[];
  /** What the user has besides the Canary. */
  readonly objects: (namespace: string, host: string) => readonly KubeObject[];
  /** Of the Canary. */
  readonly spec: KubeFields;
  readonly service: (host: string) => KubeFields;
  /** The object that splits, and the canary's weight in it. */
  readonly split: {
    readonly type: ResourceType;
    readonly name: string;
    readonly weight: (object: KubeObject) => number;
    /** Changes a copy. */
    readonly setWeight: (object: KubeObject, weight: number) => void;
  };
  /** For analysis.match: users with `x-user: insider`. */
  readonly match: readonly KubeFields[];
}

const GATEWAY_REF = { namespace: "ingress", name: "gateway" };
const MATCH = [{ headers: { "x-user": { exact: "insider" } } }];

const HTTP_ROUTE = namespaced("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
const HTTP_PROXY = namespaced("projectcontour.io", "v1", "HTTPProxy", "httpproxies");

const ANNOTATION = "nginx.ingress.kubernetes.io/canary-weight";

/** Two backends in a list, told apart by their names. */
const share = (items: readonly KubeFields[], weight: number, nameOf = (item: KubeFields) => item.name): void => {
  for (const item of items) item.weight = nameOf(item) === "podinfo-canary" ? weight : 100 - weight;
};
const hostOf = ({ destination }: KubeFields): string => destination.host;
const byName = (items: readonly KubeFields[] | undefined, name: string): number =>
  items?.find((item) => item.name === name)?.weight ?? 0;

const gatewayApi = (mesh: RealMesh): Way => ({
  mesh,
  provider: "gatewayapi:v1",
  can: ["steps", "A/B test", "blue/green", "mirroring", "affinity"],
  objects: () => [],
  spec: {},
  service: (host) => ({ hosts: [host], gatewayRefs: [GATEWAY_REF] }),
  split: {
    type: HTTP_ROUTE,
    name: "podinfo",
    weight: ({ spec }) => byName(spec.rules.at(0)?.backendRefs, "podinfo-canary"),
    setWeight: ({ spec }, weight) => share(spec.rules[0].backendRefs, weight),
  },
  match: MATCH,
});

const istio: Way = {
  mesh: "istio",
  provider: "istio",
  can: ["steps", "A/B test", "blue/green", "mirroring", "affinity"],
  objects: (namespace, host) => [
    {
      apiVersion: "networking.istio.io/v1beta1",
      kind: "Gateway",
      metadata: { namespace, name: "public" },
      spec: {
        selector: { istio: "ingressgateway" },
        servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: [host] }],
      },
    },
  ],
  spec: {},
  service: (host) => ({ hosts: [host], gateways: ["public"] }),
  split: {
    type: RESOURCES.virtualService,
    name: "podinfo",
    weight: ({ spec }) => spec.http.at(0)?.route.find((to: KubeFields) => hostOf(to) === "podinfo-canary")?.weight ?? 0,
    setWeight: ({ spec }, weight) => share(spec.http[0].route, weight, hostOf),
  },
  match: MATCH,
};

const contour: Way = {
  mesh: "contour",
  provider: "contour",
  can: ["steps", "A/B test", "blue/green"],
  objects: (namespace, fqdn) => [
    {
      apiVersion: "projectcontour.io/v1",
      kind: "HTTPProxy",
      metadata: { namespace, name: "public" },
      spec: { virtualhost: { fqdn }, includes: [{ name: "podinfo", namespace, conditions: [{ prefix: "/" }] }] },
    },
  ],
  spec: {},
  service: () => ({}),
  split: {
    type: HTTP_PROXY,
    name: "podinfo",
    weight: ({ spec }) => byName(spec.routes.at(0)?.services, "podinfo-canary"),
    setWeight: ({ spec }, weight) => share(spec.routes[0].services, weight),
  },
  match: MATCH,
};

const nginx: Way = {
  mesh: "nginx",
  provider: "nginx",
  can: ["steps", "A/B test", "blue/green"],
  objects: (namespace, host) => [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { namespace, name: "podinfo" },
      spec: {
        ingressClassName: "nginx",
        rules: [
          {
            host,
            http: {
              paths: [
                { path: "/", pathType: "Prefix", backend: { service: { name: "podinfo", port: { number: PORT } } } },
              ],
            },
          },
        ],
      },
    },
  ],
  spec: { ingressRef: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "podinfo" } },
  service: () => ({}),
  split: {
    type: RESOURCES.ingress,
    name: "podinfo-canary",
    weight: ({ metadata }) => Number(metadata.annotations?.[ANNOTATION] ?? 0),
    setWeight: (object, weight) => {
      object.metadata = {
        ...object.metadata,
        annotations: { ...object.metadata.annotations, [ANNOTATION]: String(weight) },
      };
    },
  },
  match: MATCH,
};

export const WAYS: readonly Way[] = [
  istio,
  gatewayApi("istio"),
  contour,
  gatewayApi("contour"),
  gatewayApi("envoy-gateway"),
  nginx,
];
