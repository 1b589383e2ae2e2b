/** Annotations of ingress-nginx in the words of a Canary's `spec.service`. */
import type { KubeFields } from "../../ports/kubernetes.ts";

export interface Translated {
  /** Fields of `spec.service`. */
  readonly service: KubeFields;
  /** Paths of the Ingress are regular expressions. */
  readonly regex: boolean;
  /** What a person has to look at, one sentence each. */
  readonly notes: readonly string[];
}

type Strings = Readonly<Record<string, string>>;
type Translate = (value: string, all: Strings) => KubeFields;

const words = (text: string): readonly string[] =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

const cors =
  (field: string): Translate =>
  (value) => ({ corsPolicy: { [field]: words(value) } });

/** Those that have a field of the same meaning. `enable-cors` alone allows all origins. */
const FIELDS: Readonly<Record<string, Translate>> = {
  "upstream-vhost": (value) => ({ rewrite: { authority: value } }),
  "x-forwarded-prefix": (value) => ({ headers: { request: { set: { "X-Forwarded-Prefix": value } } } }),
  "proxy-read-timeout": (value) => ({ timeout: `${Number.parseInt(value, 10)}s` }),
  "enable-cors": (value, all) =>
    value === "true" && all["cors-allow-origin"] === undefined ? { corsPolicy: { allowOrigin: ["*"] } } : {},
  "cors-allow-origin": cors("allowOrigin"),
  "cors-allow-methods": cors("allowMethods"),
  "cors-allow-headers": cors("allowHeaders"),
  "cors-expose-headers": cors("exposeHeaders"),
  "cors-allow-credentials": (value) => ({ corsPolicy: { allowCredentials: value === "true" } }),
  "cors-max-age": (value) => ({ corsPolicy: { maxAge: `${Number.parseInt(value, 10)}s` } }),
};

/** Those that need no field of a Canary, and where their meaning goes. */
const NOTES: Readonly<Record<string, string>> = {
  "ssl-redirect": "redirect to HTTPS with a RequestRedirect filter in a route for the Gateway's HTTP listener",
  "force-ssl-redirect": "redirect to HTTPS with a RequestRedirect filter in a route for the Gateway's HTTP listener",
  "backend-protocol": "set spec.service.appProtocol, or spec.service.routeKind: GRPCRoute for gRPC",
  "proxy-connect-timeout": "set it in a policy of your gateway",
  "proxy-send-timeout": "set it in a policy of your gateway",
  "proxy-body-size": "set it in a policy of your gateway",
  affinity: "keep users on a version with spec.analysis.sessionAffinity; affinity to a pod is a policy of your gateway",
};

/** Those that mean nothing outside of ingress-nginx. */
const SILENT = new Set(["use-regex"]);

export function translateAnnotations(annotations: Strings, prefix: string): Translated {
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(`${prefix}/`));
  const all = Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length + 1), value]));
  const notes: string[] = [];
  let service: KubeFields = {};
  for (const [name, value] of Object.entries(all)) {
    if (name === "rewrite-target") {
      const rewrite = rewriteOf(value);
      if (rewrite === undefined)
        notes.push(noteOf(prefix, name, value, "groups of a path cannot be used in a rewrite"));
      else service = merged(service, rewrite);
      continue;
    }
    const translate = FIELDS[name];
    if (translate !== undefined) service = merged(service, translate(value, all));
    else if (!SILENT.has(name)) notes.push(noteOf(prefix, name, value, NOTES[name] ?? UNKNOWN));
  }
  return { service, regex: all["use-regex"] === "true", notes };
}

const UNKNOWN = "has no counterpart here: use a filter of your gateway (spec.service.filters) or a policy";

const noteOf = (prefix: string, name: string, value: string, what: string): string =>
  `annotation ${prefix}/${name}: ${JSON.stringify(value)}: ${what}`;

/** A target without groups replaces the whole path, as NGINX does. */
function rewriteOf(target: string): KubeFields | undefined {
  return target.includes("$") ? undefined : { rewrite: { uri: target, type: "ReplaceFullPath" } };
}

function merged(a: KubeFields, b: KubeFields): KubeFields {
  const result = { ...a };
  for (const [key, value] of Object.entries<KubeFields>(b)) {
    const both = typeof result[key] === "object" && typeof value === "object" && !Array.isArray(value);
    result[key] = both ? merged(result[key], value) : value;
  }
  return result;
}
