/**
 * An imitation of ingress-nginx: Ingresses of class `nginx`, and canary Ingresses beside them, in the words of
 * VirtualServices. A canary Ingress is asked in this order: by header, by cookie, by weight.
 */
import { clusterScoped, type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import type { IngressTag } from "./ingress-metrics.ts";
import { byAge } from "./pools.ts";
import { literal, pathPrefix } from "./routes/paths.ts";

export const INGRESS_CLASS = "nginx";
export const INGRESS_CLASSES = clusterScoped("networking.k8s.io", "v1", "IngressClass", "ingressclasses");

/** The class by which Ingresses choose the sandbox. */
export function ingressClass(): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: INGRESS_CLASS },
    spec: { controller: "k8s.io/ingress-nginx" },
  };
}

const PREFIX = "nginx.ingress.kubernetes.io/";
const GATEWAY = { namespace: "ingress-nginx", name: "controller" };

/** Annotations that the imitation follows; others are reported as unknown. */
const KNOWN: ReadonlySet<string> = new Set([
  ...["canary", "canary-weight", "canary-weight-total", "canary-by-header", "canary-by-header-value"],
  ...["canary-by-header-pattern", "canary-by-cookie", "rewrite-target"],
]);

/** Lets in the hosts of every Ingress. */
export const INGRESS_GATEWAY: KubeObject = {
  apiVersion: "networking.istio.io/v1beta1",
  kind: "Gateway",
  metadata: { ...GATEWAY },
  spec: { servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }] },
};

export function isOwnIngress({ spec, metadata }: KubeObject): boolean {
  const named = spec?.ingressClassName ?? metadata.annotations?.["kubernetes.io/ingress.class"];
  return named === INGRESS_CLASS;
}

/** Annotations of ingress-nginx that mean nothing here. */
export function unknownAnnotations({ metadata }: KubeObject): readonly string[] {
  const names = Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith(PREFIX));
  return names.filter((key) => !KNOWN.has(key.slice(PREFIX.length)));
}

interface Path {
  readonly ingress: KubeObject;
  readonly host: string;
  readonly path: string;
  readonly exact: boolean;
  readonly backend: KubeFields;
}

/** VirtualServices that are never stored, one for each host. */
export function translateIngresses(cluster: Cluster): readonly KubeObject[] {
  const all = cluster.list(RESOURCES.ingress).filter(isOwnIngress).sort(byAge).flatMap(pathsOf);
  const isCanary = ({ ingress }: Path) => annotation(ingress, "canary") === "true";
  const canaries = all.filter(isCanary);
  const hosts = new Map<string, Path[]>();
  for (const path of all.filter((each) => !isCanary(each))) {
    const paths = hosts.get(path.host) ?? [];
    hosts.set(path.host, paths);
    // The oldest Ingress has a path for itself.
    if (!paths.some((other) => samePlace(other, path))) paths.push(path);
  }
  return [...hosts].map(([host, paths]) => ({
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { namespace: GATEWAY.namespace, name: host },
    spec: {
      hosts: [host],
      gateways: [`${GATEWAY.namespace}/${GATEWAY.name}`],
      http: paths.sort(narrowestFirst).flatMap((path) =>
        rulesOf(
          cluster,
          path,
          canaries.find((other) => samePlace(other, path)),
        ),
      ),
    },
  }));
}

const annotation = ({ metadata }: KubeObject, name: string): string | undefined =>
  metadata.annotations?.[`${PREFIX}${name}`];

function pathsOf(ingress: KubeObject): readonly Path[] {
  const { rules = [], defaultBackend } = ingress.spec ?? {};
  const paths = (rules as readonly KubeFields[]).flatMap(({ host = "*", http }) =>
    ((http?.paths ?? []) as readonly KubeFields[]).map(({ path = "/", pathType, backend }) => {
      return { ingress, host: host === "" ? "*" : host.toLowerCase(), path, exact: pathType === "Exact", backend };
    }),
  );
  if (defaultBackend === undefined) return paths;
  return [...paths, { ingress, host: "*", path: "/", exact: false, backend: defaultBackend }];
}

const samePlace = (a: Path, b: Path): boolean => a.host === b.host && a.path === b.path && a.exact === b.exact;

function narrowestFirst(a: Path, b: Path): number {
  return b.path.length - a.path.length || Number(b.exact) - Number(a.exact);
}

function rulesOf(cluster: Cluster, main: Path, canary: Path | undefined): readonly KubeFields[] {
  const condition = { uri: main.exact ? { exact: main.path } : pathPrefix(main.path) };
  const target = annotation(main.ingress, "rewrite-target");
  const rule = (headers: KubeFields, route: readonly KubeFields[]): KubeFields => ({
    match: [{ ...(condition.uri !== undefined && condition), headers }],
    route,
    ...(target !== undefined && { rewrite: { uriRegexRewrite: { match: "^.*$", rewrite: target } } }),
  });
  const toMain = backendOf(cluster, main, main);
  if (canary === undefined) return [rule({}, [toMain])];
  const toCanary = backendOf(cluster, main, canary);
  const decided = decisionsOf(canary.ingress).map(({ headers, canary: wins }) =>
    rule(headers, [wins ? toCanary : toMain]),
  );
  const weight = Number(annotation(canary.ingress, "canary-weight") ?? 0);
  const total = Number(annotation(canary.ingress, "canary-weight-total") ?? 100);
  const shares = [
    { ...toMain, weight: Math.max(0, total - weight) },
    { ...toCanary, weight },
  ];
  return [
    ...decided,
    rule(
      {},
      shares.filter((share) => share.weight > 0),
    ),
  ];
}

interface Decision {
  readonly headers: KubeFields;
  readonly canary: boolean;
}

/** Header and cookie decide before the weight does; what they do not decide is left to what comes after them. */
function decisionsOf(ingress: KubeObject): readonly Decision[] {
  const decisions: Decision[] = [];
  const header = annotation(ingress, "canary-by-header");
  const value = annotation(ingress, "canary-by-header-value");
  const pattern = annotation(ingress, "canary-by-header-pattern");
  if (header !== undefined && value !== undefined) {
    decisions.push({ headers: { [header]: { exact: value } }, canary: true });
  } else if (header !== undefined && pattern !== undefined) {
    // nginx finds the pattern anywhere in the value.
    decisions.push({ headers: { [header]: { regex: `[\\s\\S]*(?:${pattern})[\\s\\S]*` } }, canary: true });
  } else if (header !== undefined) {
    decisions.push({ headers: { [header]: { exact: "always" } }, canary: true });
    decisions.push({ headers: { [header]: { exact: "never" } }, canary: false });
  }
  const cookie = annotation(ingress, "canary-by-cookie");
  if (cookie !== undefined && cookie !== "") {
    decisions.push({ headers: { cookie: cookieIs(cookie, "always") }, canary: true });
    decisions.push({ headers: { cookie: cookieIs(cookie, "never") }, canary: false });
  }
  return decisions;
}

function cookieIs(name: string, value: string): KubeFields {
  return { regex: `(?:.*;\\s*)?${literal(name)}=${value}(?:;.*)?` };
}

function backendOf(cluster: Cluster, main: Path, of: Path): KubeFields {
  const { namespace = "", name: ingress } = main.ingress.metadata;
  const place = of.ingress.metadata.namespace ?? "";
  const { name = "", port } = of.backend.service ?? {};
  const number = port?.number ?? numberOf(cluster, place, name, port?.name);
  const canary = of === main ? "" : `${place}-${name}-${port?.number ?? port?.name ?? ""}`;
  return {
    destination: { host: `${name}.${place}.svc.cluster.local`, ...(number !== undefined && { port: { number } }) },
    ingress: { namespace, ingress, service: name, canary } satisfies IngressTag,
  };
}

function numberOf(cluster: Cluster, namespace: string, name: string, port: string | undefined): number | undefined {
  const ports: readonly KubeFields[] = cluster.get(RESOURCES.service, namespace, name)?.spec?.ports ?? [];
  return ports.find((each) => each.name === port)?.port;
}
