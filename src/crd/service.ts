/**
 * `spec.service` of a Canary: how the workload is exposed. Most of it is passed on to Istio or to the Gateway API
 * unchanged.
 */
import {
  anything,
  boolean,
  integer,
  intOrString,
  list,
  map,
  number,
  object,
  oneOfRequired,
  type Schema,
  string,
} from "./schema.ts";

const DNS_SUBDOMAIN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/** An API group; the core group has the empty name. */
const API_GROUP = `^$|${DNS_SUBDOMAIN}`;
const DNS_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const KIND = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$";

/**
 * A string for which Istio's schema sets the format "string". It has no effect, but the schemas are compared with
 * Flagger's.
 */
const text = (about: string): Schema => string({ format: "string", about });
const int32 = (about: string): Schema => integer({ format: "int32", about });
const metadata = (about: string): Schema =>
  object(
    {
      labels: map(string(), { about: "Labels that are added." }),
      annotations: map(string(), { about: "Annotations that are added." }),
    },
    { about },
  );

export function service(): Schema {
  return object(
    {
      name: string({ about: "Name of the generated Services. Default: the name of the workload." }),
      port: number({ about: "Port of the generated Services." }),
      portName: string({ about: "Name of that port. Default: http." }),
      appProtocol: string({ about: "Application protocol of that port, for example http2, grpc or tcp." }),
      trafficDistribution: string({
        enum: ["PreferClose", "PreferSameZone", "PreferSameNode"],
        about: "Which pods the generated Services prefer. Set when the Services are made.",
      }),
      targetPort: intOrString({ about: "Port of the container, by number or name. Default: port." }),
      portDiscovery: boolean({ about: "Publish the other container ports too." }),
      headless: boolean({ about: "Make the generated Services without an address. Set when the Services are made." }),
      timeout: string({ about: "Time limit of a request, for example 5s." }),
      backendTimeout: string({ about: "Time limit of a request to one pod (Gateway API)." }),
      meshName: string({ about: "Name of the mesh (App Mesh)." }),
      backends: list(string(), { about: "Services that the workload calls (App Mesh)." }),
      hosts: list(string(), { about: "Host names that are routed, beside the name of the Service." }),
      delegation: boolean({ about: "Make a VirtualService that another VirtualService delegates to (Istio)." }),
      match: list(requestMatch(), { about: "Requests that the routes are for. Default: all requests." }),
      retries: object(
        {
          attempts: int32("How often a request is tried again."),
          perTryTimeout: string({ about: "Time limit of one attempt, for example 1s." }),
          retryOn: text("Conditions under which a request is tried again, separated by commas."),
        },
        { about: "How the mesh tries failed requests again." },
      ),
      rewrite: object(
        {
          uri: text("The path that replaces the matched path."),
          authority: text("The host that replaces the host of the request."),
          type: text("How the path is replaced: ReplaceFullPath or ReplacePrefixMatch (Gateway API)."),
        },
        { about: "How path and host of a request are rewritten before it is forwarded." },
      ),
      mirror: mirror(),
      headers: object(
        {
          request: headerOperations("Changes to the headers of requests."),
          response: headerOperations("Changes to the headers of responses."),
        },
        { about: "Headers that the mesh adds, sets and removes." },
      ),
      gateways: list(string(), { about: "Istio gateways, as namespace/name. mesh stands for the sidecars." }),
      gatewayRefs: list(gatewayRef(), {
        maxItems: 32,
        about: "Gateways of the Gateway API that the route attaches to.",
      }),
      routeKind: string({
        enum: ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"],
        about: "Kind of the generated route (Gateway API). Default: HTTPRoute.",
      }),
      routeName: string({ about: "Name of the generated route (Gateway API). Default: the name of the Services." }),
      filters: list(anything(), {
        maxItems: 16,
        about: "Filters of the generated route, passed on unchanged, for example an ExtensionRef (Gateway API).",
      }),
      referenceGrants: boolean({
        about: "Permit a route of another namespace to refer to the Services (Gateway API).",
      }),
      corsPolicy: corsPolicy(),
      trafficPolicy: trafficPolicy(),
      apex: metadata("Metadata of the Service that users call, and of the routes."),
      primary: metadata("Metadata of the Service for the pods of the primary."),
      canary: metadata("Metadata of the Service for the pods of the canary."),
      unmanagedMetadata: object(
        {
          annotations: list(string(), { about: "Keys of annotations." }),
          labels: list(string(), { about: "Keys of labels." }),
        },
        { about: "Metadata of the generated Services that other programs set and that the operator keeps." },
      ),
    },
    { required: ["port"], about: "The Services and routes through which users reach the workload." },
  );
}

/** exact, prefix or regex; without any of them the match accepts everything. */
export function stringMatch(about?: string): Schema {
  const ways = ["exact", "prefix", "regex"].map((way) => [way]);
  return object(
    {
      exact: string({ about: "The whole value." }),
      prefix: string({ about: "The beginning of the value." }),
      regex: string({ about: "A regular expression (RE2) for the whole value." }),
    },
    {
      oneOf: [{ not: { anyOf: oneOfRequired(...ways) } }, ...oneOfRequired(...ways)],
      ...(about !== undefined && { about }),
    },
  );
}

function requestMatch(): Schema {
  return object(
    {
      authority: stringMatch("Host of the request."),
      gateways: list(text("Name of a gateway."), { about: "Gateways through which the request must come." }),
      headers: map(stringMatch(), { about: "Headers that the request must have, by lower-case name." }),
      ignoreUriCase: boolean({ about: "Compare the path without regard to upper and lower case." }),
      method: stringMatch("HTTP method of the request."),
      name: text("Name of this match, for readers and for logs."),
      port: integer({ about: "Port that the request is sent to." }),
      queryParams: map(stringMatch(), { about: "Query parameters that the request must have, by name." }),
      scheme: stringMatch("Scheme of the request: http or https."),
      sourceLabels: map(string(), { about: "Labels of the pod that sends the request." }),
      sourceNamespace: text("Namespace of the pod that sends the request."),
      uri: stringMatch("Path of the request."),
      withoutHeaders: map(stringMatch(), { about: "Headers that the request must not have, by lower-case name." }),
    },
    { about: "All conditions of one entry must hold." },
  );
}

function headerOperations(about: string): Schema {
  return object(
    {
      add: map(string(), { about: "Headers that are added to those that are there." }),
      remove: list(text("Name of a header."), { about: "Headers that are removed." }),
      set: map(string(), { about: "Headers that replace those that are there." }),
    },
    { about },
  );
}

function mirror(): Schema {
  const backendRef = object(
    {
      group: string({ default: "", maxLength: 253, pattern: API_GROUP, about: "API group. Empty: the core group." }),
      kind: string({ default: "Service", minLength: 1, maxLength: 63, pattern: KIND, about: "Kind of the object." }),
      name: string({ minLength: 1, maxLength: 253, about: "Name of the object." }),
      namespace: string({
        minLength: 1,
        maxLength: 63,
        pattern: DNS_LABEL,
        about: "Namespace of the object. Default: the namespace of the Canary.",
      }),
      port: portNumber("Port of the object. A Service needs one."),
    },
    {
      required: ["name"],
      rules: [
        {
          message: "Must have port for Service reference",
          rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
        },
      ],
      about: "The Service that receives the copies.",
    },
  );
  // `required` has no effect on a list. Flagger's schema has it, and the schemas are compared.
  return {
    ...list(object({ backendRef }), { about: "Where requests are copied to (Gateway API)." }),
    required: ["backendRef"],
  };
}

function gatewayRef(): Schema {
  return object(
    {
      group: string({ default: "gateway.networking.k8s.io", maxLength: 253, pattern: API_GROUP, about: "API group." }),
      kind: string({ default: "Gateway", minLength: 1, maxLength: 63, pattern: KIND, about: "Kind of the object." }),
      name: string({ minLength: 1, maxLength: 253, about: "Name of the Gateway." }),
      namespace: string({
        minLength: 1,
        maxLength: 63,
        pattern: DNS_LABEL,
        about: "Namespace of the Gateway. Default: the namespace of the Canary.",
      }),
      sectionName: string({
        minLength: 1,
        maxLength: 253,
        pattern: DNS_SUBDOMAIN,
        about: "Name of one listener. Default: all listeners.",
      }),
      port: portNumber("Port of the listeners. Default: all ports."),
    },
    { required: ["name"] },
  );
}

function portNumber(about: string): Schema {
  return integer({ format: "int32", minimum: 1, maximum: 65535, about });
}

function corsPolicy(): Schema {
  return object(
    {
      allowCredentials: boolean({ about: "Let browsers send cookies and credentials along." }),
      allowHeaders: list(text("Name of a header."), { about: "Headers that a request may have." }),
      allowMethods: list(text("An HTTP method."), { about: "Methods that a request may use." }),
      allowOrigin: list(text("An origin, or *."), { about: "Replaced by allowOrigins: pages that may send requests." }),
      allowOrigins: list(
        object(
          {
            exact: text("The whole origin."),
            prefix: text("The beginning of the origin."),
            regex: text("A regular expression (RE2) for the whole origin."),
          },
          { oneOf: oneOfRequired(["exact"], ["prefix"], ["regex"]) },
        ),
        { about: "Pages that may send requests." },
      ),
      exposeHeaders: list(text("Name of a header."), { about: "Headers of the response that scripts may read." }),
      maxAge: string({ about: "How long browsers may keep the answer to a preflight request, for example 24h." }),
    },
    { about: "Which pages of other hosts may send requests from browsers (CORS)." },
  );
}

function trafficPolicy(): Schema {
  return object(
    {
      connectionPool: object({ http: httpPool() }, { about: "Limits of connections and requests." }),
      loadBalancer: loadBalancer(),
      outlierDetection: outlierDetection(),
      tls: object(
        {
          caCertificates: text("File with the certificates of trusted authorities."),
          clientCertificate: text("File with the client's certificate (MUTUAL)."),
          mode: string({
            enum: ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"],
            about: "Whether connections use TLS, and with which certificates.",
          }),
          privateKey: text("File with the client's private key (MUTUAL)."),
          sni: text("Server name that the client asks for."),
          subjectAltNames: list(text("A subject name."), { about: "Names that the server's certificate may have." }),
        },
        { about: "TLS of connections to the pods." },
      ),
    },
    { about: "The traffic policy of both DestinationRules (Istio)." },
  );
}

function httpPool(): Schema {
  return object(
    {
      h2UpgradePolicy: string({
        enum: ["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"],
        about: "Whether HTTP/1.1 connections are upgraded to HTTP/2.",
      }),
      http1MaxPendingRequests: int32("Most requests that wait for a connection."),
      http2MaxRequests: int32("Most requests at one time."),
      idleTimeout: string({ about: "When a connection without requests is closed, for example 1h." }),
      maxRequestsPerConnection: int32("Most requests over one connection. 0: no limit."),
      maxRetries: int32("Most retries at one time."),
    },
    { about: "Limits for HTTP." },
  );
}

function loadBalancer(): Schema {
  const hashKeys = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"].map((key) => [key]);
  return object(
    {
      consistentHash: object(
        {
          httpCookie: object(
            {
              name: text("Name of the cookie."),
              path: text("Path of the cookie."),
              ttl: string({ about: "Lifetime of the cookie, for example 1h." }),
            },
            { about: "By a cookie, which is set when it is missing." },
          ),
          httpHeaderName: text("By a header of this name."),
          httpQueryParameterName: text("By a query parameter of this name."),
          minimumRingSize: integer({ about: "Least number of virtual nodes of the hash ring." }),
          useSourceIp: boolean({ about: "By the address of the client." }),
        },
        { about: "Send requests that have the same key to the same pod." },
      ),
      localityLbSetting: object(
        {
          distribute: list(
            object({
              from: text("Locality of the client: region/zone/sub-zone."),
              to: map(integer(), { about: "Percent of the traffic, by locality." }),
            }),
            { about: "Shares of the traffic by locality." },
          ),
          enabled: boolean({ about: "Whether localities count." }),
          failover: list(object({ from: text("Region that fails."), to: text("Region that takes over.") }), {
            about: "Which region takes over for which.",
          }),
        },
        { about: "How localities (regions and zones) count." },
      ),
      simple: string({
        enum: ["ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST"],
        about: "How a pod is chosen for each request.",
      }),
      warmupDurationSecs: string({ about: "How long a new pod receives less traffic, for example 30s." }),
    },
    {
      oneOf: [
        { required: ["simple"] },
        { properties: { consistentHash: { oneOf: oneOfRequired(...hashKeys) } }, required: ["consistentHash"] },
      ],
      about: "How requests are spread over the pods.",
    },
  );
}

function outlierDetection(): Schema {
  return object(
    {
      baseEjectionTime: string({ about: "Shortest time for which a pod is taken out, for example 30s." }),
      consecutive5xxErrors: integer({ about: "Answers of 5xx in a row after which a pod is taken out." }),
      consecutiveErrors: int32("Replaced by consecutive5xxErrors and consecutiveGatewayErrors."),
      consecutiveGatewayErrors: int32("Answers of 502, 503 and 504 in a row after which a pod is taken out."),
      consecutiveLocalOriginFailures: int32("Failed connections in a row after which a pod is taken out."),
      interval: string({ about: "Time between two looks at the pods, for example 10s." }),
      maxEjectionPercent: int32("Most percent of the pods that are taken out."),
      minHealthPercent: int32("Percent of healthy pods below which no pod is taken out."),
      splitExternalLocalOriginErrors: boolean({ about: "Count failed connections apart from answers of 5xx." }),
    },
    { about: "When a pod that fails is taken out for a while." },
  );
}
