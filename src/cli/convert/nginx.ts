/** A Canary of provider nginx and its Ingress, as a Canary of the Gateway API and, for other backends, an HTTPRoute. */
import { BUILT_IN_METRICS } from "../../core/turn/probes.ts";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { UserError } from "../command.ts";
import { translateAnnotations } from "./annotations.ts";

export interface Converted {
  readonly objects: readonly KubeObject[];
  /** What a person has to look at, one sentence each. */
  readonly notes: readonly string[];
}

export interface ConvertOptions {
  readonly gateway: { readonly namespace?: string; readonly name: string };
  /** Of the annotations. */
  readonly prefix: string;
}

/** @throws UserError when the Ingress of a Canary is not among the objects, or does not lead to its Service */
export function convertNginx(canary: KubeObject, objects: readonly KubeObject[], options: ConvertOptions): Converted {
  const { name, namespace = "default" } = canary.metadata;
  const { ingressRef, provider: _provider, ...spec } = canary.spec;
  const wanted = ingressRef?.name;
  const ingress = objects.find(
    ({ kind, metadata }) =>
      kind === "Ingress" && metadata.name === wanted && (metadata.namespace ?? "default") === namespace,
  );
  if (ingress === undefined) {
    throw new UserError(`${name}.${namespace}: Ingress ${wanted} is not in the files: name the file that has it, too`);
  }
  const apex = spec.service?.name || spec.targetRef.name;
  const translated = translateAnnotations(ingress.metadata.annotations ?? {}, options.prefix);
  const paths = pathsOf(ingress);
  const own = paths.filter(({ path }) => path.backend?.service?.name === apex);
  if (own.length === 0) throw new UserError(`${name}.${namespace}: Ingress ${wanted} has no path to Service ${apex}`);
  const hosts = [...new Set(own.map(({ host }) => host).filter((host) => host !== ""))];
  const match = [...new Set(own.map(({ path }) => JSON.stringify({ uri: uriOf(path, translated.regex) })))];
  const service = {
    ...spec.service,
    ...(hosts.length === 0 ? {} : { hosts }),
    gatewayRefs: [{ group: GROUP, kind: "Gateway", ...options.gateway }],
    match: match.map((text) => JSON.parse(text)),
    ...translated.service,
  };
  const analysis = analysisOf(spec.analysis);
  const converted = { ...canary, spec: { ...spec, provider: "gatewayapi:v1", service, analysis } };
  const others = paths.filter(({ path }) => path.backend?.service?.name !== apex);
  return {
    objects: [converted, ...routesOf(ingress, others, translated.regex, options)],
    notes: [...translated.notes, ...generalNotes(canary, ingress, own)],
  };
}

const GROUP = "gateway.networking.k8s.io";

interface Path {
  readonly host: string;
  readonly path: KubeFields;
}

function pathsOf(ingress: KubeObject): readonly Path[] {
  const rules: readonly KubeFields[] = ingress.spec?.rules ?? [];
  return rules.flatMap(({ host = "", http }) => (http?.paths ?? []).map((path: KubeFields) => ({ host, path })));
}

function uriOf({ path = "/", pathType }: KubeFields, regex: boolean): KubeFields {
  if (regex && pathType !== "Exact") return { regex: `${path}.*` };
  return pathType === "Exact" ? { exact: path } : { prefix: path };
}

/** NGINX is told the name of a cookie and looks for the value "always". */
function analysisOf(analysis: KubeFields): KubeFields {
  if (analysis?.match === undefined) return analysis;
  const match = analysis.match.map((entry: KubeFields) => {
    const name = entry.headers?.cookie?.exact;
    if (name === undefined) return entry;
    const cookie = { regex: `(.*;\\s*)?${name}=always(;.*)?` };
    return { ...entry, headers: { ...entry.headers, cookie } };
  });
  return { ...analysis, match };
}

/** One route for each host that has paths to other Services. */
function routesOf(ingress: KubeObject, others: readonly Path[], regex: boolean, { gateway }: ConvertOptions) {
  const hosts = [...new Set(others.map(({ host }) => host))];
  return hosts.map((host, i): KubeObject => {
    const suffix = i === 0 ? "others" : `others-${i + 1}`;
    const rules = others.filter((other) => other.host === host).map(({ path }) => ruleOf(path, regex));
    return {
      apiVersion: `${GROUP}/v1`,
      kind: "HTTPRoute",
      metadata: { name: `${ingress.metadata.name}-${suffix}`, namespace: ingress.metadata.namespace ?? "default" },
      spec: { parentRefs: [gateway], ...(host === "" ? {} : { hostnames: [host] }), rules },
    };
  });
}

function ruleOf(path: KubeFields, regex: boolean): KubeFields {
  const uri = uriOf(path, regex);
  const type = uri.regex !== undefined ? "RegularExpression" : uri.exact !== undefined ? "Exact" : "PathPrefix";
  const { name, port } = path.backend?.service ?? {};
  return {
    matches: [{ path: { type, value: uri.regex ?? uri.exact ?? uri.prefix } }],
    backendRefs: [{ name, port: port?.number ?? port?.name }],
  };
}

function generalNotes(canary: KubeObject, ingress: KubeObject, own: readonly Path[]): readonly string[] {
  const { name } = ingress.metadata;
  const metrics: readonly KubeFields[] = canary.spec.analysis?.metrics ?? [];
  const builtIn = metrics.some(({ name: metric }) => BUILT_IN_METRICS.includes(metric));
  const hosts = new Set(own.map(({ host }) => host));
  return [
    ...((ingress.spec?.tls ?? []).length > 0
      ? [`Ingress ${name} has TLS: put its certificates into the listeners of the Gateway`]
      : []),
    ...(ingress.spec?.defaultBackend === undefined
      ? []
      : [`Ingress ${name} has a defaultBackend: make a route for it`]),
    ...(hosts.size > 1 ? ["all hosts get all paths: check that each host may have them"] : []),
    ...(builtIn
      ? ["the built-in metrics are those of the pods now (http_request_duration_seconds), no longer NGINX's"]
      : []),
    `delete Ingress ${name} and Ingress ${name}-canary when the traffic comes by the Gateway`,
  ];
}
