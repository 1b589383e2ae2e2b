/** `spec.service` of a Canary: how the workload is exposed. Half of it is handed to Istio or the Gateway API as it is. */
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

/** A string where Istio's schema says so twice. The format means nothing but is part of the text. */
const text = (): Schema => string({ format: "string" });
const int32 = (): Schema => integer({ format: "int32" });
const metadata = (about: string): Schema => object({ labels: map(string()), annotations: map(string()) }, { about });

export function service(): Schema {
  return object(
    {
      name: string({ about: "Name of the generated Services. Default: the name of the workload." }),
      port: number({ about: "Port of the generated Services." }),
      portName: string({ about: "Default: http." }),
      appProtocol: string({ about: "Of the generated Services' port, e.g. http2." }),
      trafficDistribution: string({
        enum: ["PreferClose", "PreferSameZone", "PreferSameNode"],
        about: "Of the generated Services, when they are made.",
      }),
      targetPort: intOrString({ about: "Port of the container, by number or name. Default: port." }),
      portDiscovery: boolean({ about: "Publish the other container ports too." }),
      headless: boolean({ about: "Give the generated Services no address, when they are made." }),
      timeout: string({ about: "Time limit of a request, e.g. 5s." }),
      backendTimeout: string({ about: "Time limit of a request to one copy (Gateway API)." }),
      meshName: string({ about: "Name of the mesh (App Mesh)." }),
      backends: list(string(), { about: "Services that the workload calls (App Mesh)." }),
      hosts: list(string(), { about: "Host names that are routed, beside that of the Service." }),
      delegation: boolean({ about: "Make routes that another VirtualService delegates to (Istio)." }),
      match: list(requestMatch(), { about: "Requests that the routes are for. Default: all." }),
      retries: object(
        { attempts: int32(), perTryTimeout: string(), retryOn: text() },
        { about: "How often the mesh tries again." },
      ),
      rewrite: object({ uri: text(), authority: text(), type: text() }, { about: "What becomes of path and host." }),
      mirror: mirror(),
      headers: object(
        { request: headerOperations(), response: headerOperations() },
        { about: "Headers that are added, set and removed on the way." },
      ),
      gateways: list(string(), { about: "Istio gateways." }),
      gatewayRefs: list(gatewayRef(), { maxItems: 32, about: "Gateways of the Gateway API." }),
      routeKind: string({
        enum: ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"],
        about: "Kind of the generated route (Gateway API). Default: HTTPRoute.",
      }),
      routeName: string({ about: "Name of the generated route (Gateway API). Default: the name of the Services." }),
      filters: list(anything(), {
        maxItems: 16,
        about: "Filters of the generated route, passed on as they are, e.g. an ExtensionRef (Gateway API).",
      }),
      referenceGrants: boolean({
        about: "Permit a route of another namespace to refer to the Services (Gateway API).",
      }),
      corsPolicy: corsPolicy(),
      trafficPolicy: trafficPolicy(),
      apex: metadata("Metadata of the Service that users call, and of the mesh's routes."),
      primary: metadata("Metadata of the primary's Service."),
      canary: metadata("Metadata of the canary's Service."),
      unmanagedMetadata: object(
        { annotations: list(string()), labels: list(string()) },
        { about: "Keys on the generated Services that are left to others." },
      ),
    },
    { required: ["port"], about: "How the workload is reached." },
  );
}

/** exact, prefix or regex; or none of them, which matches everything. */
export function stringMatch(): Schema {
  const ways = ["exact", "prefix", "regex"].map((way) => [way]);
  return object(
    { exact: string(), prefix: string(), regex: string() },
    { oneOf: [{ not: { anyOf: oneOfRequired(...ways) } }, ...oneOfRequired(...ways)] },
  );
}

function requestMatch(): Schema {
  return object({
    authority: stringMatch(),
    gateways: list(text()),
    headers: map(stringMatch()),
    ignoreUriCase: boolean(),
    method: stringMatch(),
    name: text(),
    port: integer(),
    queryParams: map(stringMatch()),
    scheme: stringMatch(),
    sourceLabels: map(string()),
    sourceNamespace: text(),
    uri: stringMatch(),
    withoutHeaders: map(stringMatch()),
  });
}

function headerOperations(): Schema {
  return object({ add: map(string()), remove: list(text()), set: map(string()) });
}

function mirror(): Schema {
  const backendRef = object(
    {
      group: string({ default: "", maxLength: 253, pattern: API_GROUP }),
      kind: string({ default: "Service", minLength: 1, maxLength: 63, pattern: KIND }),
      name: string({ minLength: 1, maxLength: 253 }),
      namespace: string({ minLength: 1, maxLength: 63, pattern: DNS_LABEL }),
      port: portNumber(),
    },
    {
      required: ["name"],
      rules: [
        {
          message: "Must have port for Service reference",
          rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
        },
      ],
    },
  );
  // `required` means nothing on a list; it is part of the text that others compare with.
  return {
    ...list(object({ backendRef }), { about: "Where requests are copied to (Gateway API)." }),
    required: ["backendRef"],
  };
}

function gatewayRef(): Schema {
  return object(
    {
      group: string({ default: "gateway.networking.k8s.io", maxLength: 253, pattern: API_GROUP }),
      kind: string({ default: "Gateway", minLength: 1, maxLength: 63, pattern: KIND }),
      name: string({ minLength: 1, maxLength: 253 }),
      namespace: string({ minLength: 1, maxLength: 63, pattern: DNS_LABEL }),
      sectionName: string({ minLength: 1, maxLength: 253, pattern: DNS_SUBDOMAIN }),
      port: portNumber(),
    },
    { required: ["name"] },
  );
}

function portNumber(): Schema {
  return integer({ format: "int32", minimum: 1, maximum: 65535 });
}

function corsPolicy(): Schema {
  return object(
    {
      allowCredentials: boolean(),
      allowHeaders: list(text()),
      allowMethods: list(text()),
      allowOrigin: list(text()),
      allowOrigins: list(
        object(
          { exact: text(), prefix: text(), regex: text() },
          { oneOf: oneOfRequired(["exact"], ["prefix"], ["regex"]) },
        ),
      ),
      exposeHeaders: list(text()),
      maxAge: string(),
    },
    { about: "What browsers may ask for from pages of other hosts." },
  );
}

function trafficPolicy(): Schema {
  return object(
    {
      connectionPool: object({ http: httpPool() }),
      loadBalancer: loadBalancer(),
      outlierDetection: outlierDetection(),
      tls: object({
        caCertificates: text(),
        clientCertificate: text(),
        mode: string({ enum: ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] }),
        privateKey: text(),
        sni: text(),
        subjectAltNames: list(text()),
      }),
    },
    { about: "For Istio's DestinationRules." },
  );
}

function httpPool(): Schema {
  return object({
    h2UpgradePolicy: string({ enum: ["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] }),
    http1MaxPendingRequests: int32(),
    http2MaxRequests: int32(),
    idleTimeout: string(),
    maxRequestsPerConnection: int32(),
    maxRetries: int32(),
  });
}

function loadBalancer(): Schema {
  const hashKeys = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"].map((key) => [key]);
  return object(
    {
      consistentHash: object({
        httpCookie: object({ name: text(), path: text(), ttl: string() }),
        httpHeaderName: text(),
        httpQueryParameterName: text(),
        minimumRingSize: integer(),
        useSourceIp: boolean(),
      }),
      localityLbSetting: object({
        distribute: list(object({ from: text(), to: map(integer()) })),
        enabled: boolean(),
        failover: list(object({ from: text(), to: text() })),
      }),
      simple: string({ enum: ["ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST"] }),
      warmupDurationSecs: string(),
    },
    {
      oneOf: [
        { required: ["simple"] },
        { properties: { consistentHash: { oneOf: oneOfRequired(...hashKeys) } }, required: ["consistentHash"] },
      ],
    },
  );
}

function outlierDetection(): Schema {
  return object({
    baseEjectionTime: string(),
    consecutive5xxErrors: integer(),
    consecutiveErrors: int32(),
    consecutiveGatewayErrors: int32(),
    consecutiveLocalOriginFailures: int32(),
    interval: string(),
    maxEjectionPercent: int32(),
    minHealthPercent: int32(),
    splitExternalLocalOriginErrors: boolean(),
  });
}
