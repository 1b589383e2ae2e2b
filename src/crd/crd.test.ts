import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { applyDefaults, crdSchema, prune, unknownFields, validate } from "../../sandbox/api-server/schema/index.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { describeResources } from "./document.ts";
import { alertProviderCrd, type CrdObject, canaryCrd, crds, metricTemplateCrd } from "./index.ts";

// biome-ignore lint/suspicious/noExplicitAny: CRDs are looked into as JSON
type Fields = any;

const schemaOf = (crd: CrdObject): Fields => (crd.spec as Fields).versions[0].schema.openAPIV3Schema;

// ---- The contract, in the notation `name: type constraint=value`, indentation is nesting.

const WAYS = ["exact", "prefix", "regex"];
const ALIASES: Fields = {
  StringMatch: {
    type: "object",
    oneOf: [{ not: { anyOf: WAYS.map((way) => ({ required: [way] })) } }, ...WAYS.map((way) => ({ required: [way] }))],
    properties: Object.fromEntries(WAYS.map((way) => [way, { type: "string" }])),
  },
  StringMatch4: {
    type: "object",
    oneOf: ["exact", "prefix", "suffix", "regex"].map((way) => ({ required: [way] })),
    properties: Object.fromEntries(["exact", "prefix", "suffix", "regex"].map((way) => [way, { type: "string" }])),
  },
  "int-or-string": { "x-kubernetes-int-or-string": true },
};

function readNotation(text: string): Fields {
  const root: Fields = { type: "object", properties: {} };
  const parents: Fields[] = [root];
  for (const line of text.trimEnd().split("\n")) {
    const [, indent = "", name = "", type = "", rules = ""] = /^( *)(\w+): (\S+)(.*)$/.exec(line) ?? [];
    expect(name, line).not.toBe("");
    const { schema, inner } = readType(type, rules);
    const parent = parents[indent.length / 2];
    parent.properties = { ...parent.properties, [name]: schema };
    parents[indent.length / 2 + 1] = inner;
  }
  return root;
}

/** The schema, and the object in it that the lines below go into. */
function readType(type: string, rules: string): { schema: Fields; inner: Fields } {
  const asMap = /^map<string,(.+)>$/.exec(type)?.[1];
  if (asMap !== undefined) {
    return { schema: { type: "object", additionalProperties: readType(asMap, "").schema }, inner: undefined };
  }
  const constraints = readConstraints(rules);
  const { onList, onItem } = constraints;
  if (type.startsWith("[]")) {
    const items = { ...readType(type.slice(2), "").schema, ...onItem };
    return { schema: { type: "array", ...onList, items }, inner: items };
  }
  const schema = { ...(ALIASES[type] ?? { type }), ...onItem, ...onList };
  return { schema, inner: schema };
}

const RULE = /(\w+)=(\[.*\]|'(?:[^'])*'|\S+)(?= |$)/g;

/** `required=['a']` belongs to the list itself, `required=a` to its items; so do all others but maxItems. */
function readConstraints(text: string): { onList: Fields; onItem: Fields } {
  const onList: Fields = {};
  const onItem: Fields = {};
  for (const [, rule = "", value = ""] of text.matchAll(RULE)) {
    const listed = value.startsWith("[") ? [...value.matchAll(/'([^']*)'/g)].map((match) => match[1]) : undefined;
    if (rule === "required") {
      if (listed) onList.required = listed;
      else onItem.required = value.split(",");
    } else if (rule === "enum") onItem.enum = listed;
    else if (rule === "oneOf") {
      const groups = [...value.slice(1, -1).matchAll(/\[[^\]]*\]/g)];
      onItem.oneOf = groups.map(([group]) => ({
        required: [...group.matchAll(/'([^']*)'/g)].map((match) => match[1]),
      }));
    } else if (rule === "CEL") {
      const [, celRule, message] = /^\["(.*) -> (.*)"\]$/.exec(value) ?? [];
      onItem["x-kubernetes-validations"] = [{ rule: celRule, message }];
    } else if (rule === "maxItems") onList.maxItems = Number(value);
    else if (/^'/.test(value)) onItem[rule] = value.slice(1, -1).replaceAll("\\\\", "\\");
    else onItem[rule] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return { onList, onItem };
}

function withoutDescriptions(value: Fields, inProperties = false): Fields {
  if (Array.isArray(value)) return value.map((element) => withoutDescriptions(element));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => inProperties || key !== "description");
  return Object.fromEntries(entries.map(([key, field]) => [key, withoutDescriptions(field, key === "properties")]));
}

const contract = (kind: string) => readNotation(readFileSync(new URL(`${kind}.golden.txt`, import.meta.url), "utf8"));

/** Fields of `spec.service` that Flagger does not have. */
const GATEWAY_API_FIELDS = {
  routeKind: { type: "string", enum: ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"] },
  routeName: { type: "string" },
  filters: {
    type: "array",
    maxItems: 16,
    items: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
  referenceGrants: { type: "boolean" },
};

const URL_OR_NONE = { maxLength: 2048, pattern: "^$|^https?://" };

/** What a tenant could make too large for the operator is bounded, far above what a Canary needs. */
function addBounds({ analysis, metricsServer }: Fields): void {
  const { metrics, webhooks, alerts, stepWeights } = analysis.properties;
  for (const list of [metrics, webhooks, alerts]) Object.assign(list, { maxItems: 50 });
  Object.assign(stepWeights, { maxItems: 100 });
  Object.assign(metrics.items.properties.query, { maxLength: 65_536 });
  Object.assign(webhooks.items.properties.retries, { maximum: 1000 });
  Object.assign(webhooks.items.properties.url, { maxLength: 2048, pattern: "^https?://" });
  Object.assign(metricsServer, URL_OR_NONE);
}

/** Paths of fields that `kubectl explain` says nothing about. */
function undescribed(schema: Fields, path: string): string[] {
  const own = Object.entries<Fields>(schema.properties ?? {}).flatMap(([name, field]) => [
    ...(field.description ? [] : [`${path}.${name}`]),
    ...undescribed(field, `${path}.${name}`),
  ]);
  const inner = [schema.items, schema.additionalProperties].filter((found) => found !== undefined);
  return [...own, ...inner.flatMap((found) => undescribed(found, `${path}[]`))];
}

describe("every field", () => {
  it("has a description, which is a sentence", () => {
    for (const crd of crds()) expect(undescribed(schemaOf(crd), crd.metadata.name)).toEqual([]);
  });
});

describe("the schemas are Flagger's, and Aviary's additions", () => {
  it("Canary", () => {
    const ours = withoutDescriptions(schemaOf(canaryCrd()));
    const theirs = contract("canary");
    // A rule that the notation cannot express: one key of the consistent hash.
    const { loadBalancer } = theirs.properties.spec.properties.service.properties.trafficPolicy.properties;
    const keys = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"];
    loadBalancer.oneOf[1].properties = { consistentHash: { oneOf: keys.map((key) => ({ required: [key] })) } };
    // Aviary's additions.
    theirs.properties.spec.properties.targetRef.properties.kind.enum.splice(2, 0, "StatefulSet");
    const { routeRef, service, analysis } = theirs.properties.spec.properties;
    routeRef.properties.kind.enum.push("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute");
    routeRef.properties.namespace = { type: "string" };
    Object.assign(service.properties, GATEWAY_API_FIELDS);
    analysis.properties.match.items.properties.method = service.properties.match.items.properties.method;
    analysis.properties.metrics.items.properties.judge = { type: "string", enum: ["thresholds"] };
    addBounds(theirs.properties.spec.properties);
    theirs.properties.status.properties.aviary = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    expect(ours).toEqual(theirs);
  });

  it("MetricTemplate", () => {
    const theirs = contract("metrictemplate");
    const { provider, query } = theirs.properties.spec.properties;
    Object.assign(query, { maxLength: 65_536 });
    Object.assign(provider.properties.address, URL_OR_NONE);
    expect(withoutDescriptions(schemaOf(metricTemplateCrd()))).toEqual(theirs);
  });

  it("AlertProvider", () => {
    const theirs = contract("alertprovider");
    theirs.properties.spec.properties.type.enum.push("generic");
    Object.assign(theirs.properties.spec.properties.address, URL_OR_NONE);
    Object.assign(theirs.properties.spec.properties.proxy, { maxLength: 2048 });
    expect(withoutDescriptions(schemaOf(alertProviderCrd()))).toEqual(theirs);
  });
});

/** Places where an API server would call the schema not structural, and refuse the CRD. */
function unstructured(schema: Fields, path: string, logical = false): string[] {
  const children = Object.entries<Fields>(schema.properties ?? {}).map(([name, child]) => [`.${name}`, child] as const);
  const inner = [...children, ["[]", schema.items] as const, ["{}", schema.additionalProperties] as const];
  const junctors = [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.not ? [schema.not] : [])];
  const typed = schema.type !== undefined || schema["x-kubernetes-int-or-string"] === true;
  const forbidden = ["type", "description", "default", "additionalProperties"].filter((word) => word in schema);
  const own = logical ? forbidden.length > 0 : !typed;
  const both = schema.properties !== undefined && schema.additionalProperties !== undefined;
  return [
    ...(own || both ? [path] : []),
    ...inner.flatMap(([step, child]) => (child === undefined ? [] : unstructured(child, path + step, logical))),
    ...junctors.flatMap((junctor) => unstructured(junctor, `${path}|`, true)),
  ];
}

describe("the definitions", () => {
  it("are structural", () => {
    expect(crds().flatMap((crd) => unstructured(schemaOf(crd), crd.metadata.name))).toEqual([]);
    expect(
      unstructured({ type: "object", properties: { a: {}, b: { type: "string", not: { type: "x" } } } }, ""),
    ).toEqual([".a", ".b|"]);
  });

  it.each([
    ["canaries", "Canary", "canary"],
    ["metrictemplates", "MetricTemplate", "metrictemplate"],
    ["alertproviders", "AlertProvider", "alertprovider"],
  ])("%s", (plural, kind, singular) => {
    const crd: Fields = crds().find(({ metadata }) => metadata.name === `${plural}.flagger.app`);
    expect(crd.metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
    expect(crd.spec.names).toEqual({ kind, listKind: `${kind}List`, plural, singular, categories: ["all"] });
    expect([crd.spec.group, crd.spec.scope]).toEqual(["flagger.app", "Namespaced"]);
    const { schema: _, additionalPrinterColumns, ...version } = crd.spec.versions[0];
    expect(crd.spec.versions).toHaveLength(1);
    expect(version).toEqual({ name: "v1beta1", served: true, storage: true, subresources: { status: {} } });
    expect(additionalPrinterColumns.length).toBeGreaterThan(0);
  });

  it("show a Canary as dashboards and scripts expect it", () => {
    const columns = (canaryCrd().spec as Fields).versions[0].additionalPrinterColumns;
    expect(columns.map((it: Fields) => `${it.name} ${it.type} ${it.jsonPath} ${it.priority ?? 0}`)).toEqual([
      "Status string .status.phase 0",
      "Weight string .status.canaryWeight 0",
      "Suspended boolean .spec.suspend 1",
      "FailedChecks string .status.failedChecks 1",
      "Interval string .spec.analysis.interval 1",
      "Mirror boolean .spec.analysis.mirror 1",
      "StepWeight string .spec.analysis.stepWeight 1",
      "StepWeights string .spec.analysis.stepWeights 1",
      "MaxWeight string .spec.analysis.maxWeight 1",
      "LastTransitionTime string .status.lastTransitionTime 0",
    ]);
  });

  it.each(crds().map((crd) => [crd.metadata.name, crd] as const))(
    "%s.yaml is what `npm run crds` writes",
    (name, crd) => {
      const file = readFileSync(new URL(`../../deploy/crds/${name}.yaml`, import.meta.url), "utf8");
      // As text, so that the order of the fields counts too.
      expect(JSON.stringify(parse(file), null, 1)).toBe(JSON.stringify(crd, null, 1));
    },
  );
});

// ---- What an API server makes of it.

const CANARY = crdSchema(schemaOf(canaryCrd()));
const METRIC_TEMPLATE = crdSchema(schemaOf(metricTemplateCrd()));
const ALERT_PROVIDER = crdSchema(schemaOf(alertProviderCrd()));

const object = (kind: string, spec: unknown, status?: unknown): KubeObject => ({
  apiVersion: "flagger.app/v1beta1",
  kind,
  metadata: { name: "podinfo", namespace: "test" },
  spec,
  ...(status !== undefined && { status }),
});

const BASIC = {
  targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
  service: { port: 9898 } as Fields,
  analysis: { interval: "15s", threshold: 5, maxWeight: 50, stepWeight: 10 } as Fields,
};
const canary = (change: (spec: typeof BASIC & Fields) => void = () => {}) => {
  const spec = structuredClone(BASIC);
  change(spec);
  return object("Canary", spec);
};
const verdict = (canary: KubeObject) =>
  // An API server names the place of a broken `oneOf` in the text only.
  validate(CANARY, applyDefaults(CANARY, canary)).map(({ path, message }) => `${path}: ${message}`);

it("docs/reference/resources.md knows every field", () => {
  const file = new URL("../../docs/reference/resources.md", import.meta.url);
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, describeResources());
  expect(readFileSync(file, "utf8")).toBe(describeResources());
});

describe("a good Canary is accepted whole", () => {
  it.each<[string, (spec: Fields) => void]>([
    ["a progressive one", () => {}],
    [
      "steps of its own",
      (spec) => {
        spec.analysis = { interval: "1m30s", threshold: 1, stepWeights: [1, 5, 50] };
      },
    ],
    [
      "Blue/Green",
      (spec) => {
        spec.analysis = { interval: "500ms", threshold: 1, iterations: 10, mirror: true };
      },
    ],
    [
      "A/B testing",
      (spec) => {
        spec.analysis = {
          interval: "1m",
          threshold: 1,
          iterations: 10,
          match: [
            {
              headers: { "x-canary": { suffix: "insider" } },
              queryParams: { v: { exact: "2" } },
              sourceLabels: { app: "a" },
            },
          ],
        };
      },
    ],
    [
      "a StatefulSet",
      (spec) => {
        spec.targetRef.kind = "StatefulSet";
      },
    ],
    [
      "an autoscaler",
      (spec) => {
        spec.autoscalerRef = {
          apiVersion: "keda.sh/v1alpha1",
          kind: "ScaledObject",
          name: "podinfo",
          primaryScalerQueries: { cpu: "q" },
          primaryScalerReplicas: { minReplicas: 2 },
        };
      },
    ],
    [
      "ports by name or number",
      (spec) => {
        spec.service = { port: 80, targetPort: "http", portDiscovery: true };
      },
    ],
    [
      "a match of everything",
      (spec) => {
        spec.service.match = [{ uri: {}, method: { exact: "GET" } }];
      },
    ],
    [
      "Istio's traffic policy",
      (spec) => {
        spec.service.trafficPolicy = {
          tls: { mode: "ISTIO_MUTUAL" },
          loadBalancer: { consistentHash: { httpCookie: { name: "u", ttl: "0s" } } },
        };
      },
    ],
    [
      "Gateway API",
      (spec) => {
        spec.provider = "gatewayapi:v1";
        spec.service.gatewayRefs = [
          { group: "gateway.networking.k8s.io", kind: "Gateway", name: "g", namespace: "istio" },
        ];
        spec.service.mirror = [{ backendRef: { group: "", kind: "Service", name: "audit", port: 80 } }, {}];
      },
    ],
    [
      "metrics, hooks and alerts",
      (spec) => {
        spec.analysis.metrics = [
          {
            name: "latency",
            templateRef: { name: "latency", namespace: "flagger" },
            thresholdRange: { max: 500.5 },
            interval: "1m",
            templateVariables: { direction: "inbound" },
          },
        ];
        spec.analysis.webhooks = [
          { name: "load", type: "rollout", url: "http://x/", timeout: "5s", metadata: { cmd: "hey" } },
          { name: "untyped", url: "http://x/", type: "", muteAlert: false },
        ];
        spec.analysis.alerts = [{ name: "dev", severity: "", providerRef: { name: "slack" } }];
        spec.analysis.sessionAffinity = { cookieName: "c", maxAge: 60, sameSite: "Lax" };
      },
    ],
  ])("%s", (_, change) => {
    const good = canary(change);
    expect(verdict(good)).toEqual([]);
    expect(unknownFields(CANARY, good)).toEqual([]);
  });

  it("gets the defaults that users rely on", () => {
    const { spec } = applyDefaults(
      CANARY,
      canary((spec) => {
        spec.service.gatewayRefs = [{ name: "g" }];
        spec.service.mirror = [{ backendRef: { name: "audit", port: 80 } }];
        spec.analysis.sessionAffinity = { cookieName: "c" };
      }),
    );
    expect(spec.service.gatewayRefs).toEqual([{ name: "g", group: "gateway.networking.k8s.io", kind: "Gateway" }]);
    expect(spec.service.mirror).toEqual([{ backendRef: { name: "audit", port: 80, group: "", kind: "Service" } }]);
    expect(spec.analysis.sessionAffinity).toEqual({ cookieName: "c", maxAge: 86400 });
  });

  it("keeps status.aviary and drops unknown fields", () => {
    const status = { phase: "Progressing", failedChecks: 0, aviary: { step: 3, owedAlerts: [{ message: "m" }] } };
    const pruned = prune(CANARY, object("Canary", { ...BASIC, canaryAnalysis: {} }, { ...status, invented: 1 }));
    expect(pruned.status).toEqual(status);
    expect(pruned.spec).toEqual(BASIC);
  });
});

describe("a bad Canary is refused with the path of the bad field", () => {
  it.each<[string, (spec: Fields) => void, string]>([
    [
      "no target",
      (spec) => {
        delete spec.targetRef;
      },
      "spec.targetRef",
    ],
    [
      "no analysis",
      (spec) => {
        delete spec.analysis;
      },
      "spec.analysis",
    ],
    [
      "a target that is a Job",
      (spec) => {
        spec.targetRef.kind = "Job";
      },
      "spec.targetRef.kind",
    ],
    [
      "an unknown provider",
      (spec) => {
        spec.provider = "istoi";
      },
      "spec.provider",
    ],
    [
      "hours",
      (spec) => {
        spec.analysis.interval = "1h";
      },
      "spec.analysis.interval",
    ],
    [
      "two strategies",
      (spec) => {
        spec.analysis.iterations = 5;
      },
      "spec.analysis",
    ],
    [
      "no strategy",
      (spec) => {
        delete spec.analysis.stepWeight;
      },
      "spec.analysis",
    ],
    [
      "a service without a port",
      (spec) => {
        spec.service = {};
      },
      "spec.service.port",
    ],
    [
      "two ways to match",
      (spec) => {
        spec.service.match = [{ uri: { exact: "a", prefix: "b" } }];
      },
      "spec.service.match[0].uri",
    ],
    [
      "no way to match",
      (spec) => {
        spec.analysis.match = [{ headers: { a: {} } }];
      },
      "spec.analysis.match[0].headers.a",
    ],
    [
      "a mirror Service without port",
      (spec) => {
        spec.service.mirror = [{ backendRef: { name: "audit" } }];
      },
      "spec.service.mirror[0].backendRef",
    ],
    [
      "a load balancer with two modes",
      (spec) => {
        spec.service.trafficPolicy = { loadBalancer: { simple: "RANDOM", consistentHash: { useSourceIp: true } } };
      },
      "spec.service.trafficPolicy.loadBalancer",
    ],
    [
      "a hash of two keys",
      (spec) => {
        spec.service.trafficPolicy = { loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderName: "a" } } };
      },
      "spec.service.trafficPolicy.loadBalancer",
    ],
    [
      "a metric without name",
      (spec) => {
        spec.analysis.metrics = [{ interval: "1m" }];
      },
      "spec.analysis.metrics[0].name",
    ],
    [
      "an unknown hook",
      (spec) => {
        spec.analysis.webhooks = [{ name: "a", url: "u", type: "rolout" }];
      },
      "spec.analysis.webhooks[0].type",
    ],
    [
      "a scaler without a minimum",
      (spec) => {
        spec.autoscalerRef = {
          apiVersion: "a",
          kind: "ScaledObject",
          name: "n",
          primaryScalerReplicas: { minReplicas: 0 },
        };
      },
      "spec.autoscalerRef.primaryScalerReplicas.minReplicas",
    ],
  ])("%s", (_, change, path) => {
    expect(verdict(canary(change)).some((found) => found.includes(path))).toBe(true);
  });
});

describe("the resources that Canaries refer to", () => {
  const address = "http://prometheus:9090";
  it.each([
    ["a query of Prometheus", { provider: { type: "prometheus", address, headers: { a: ["b"] } }, query: "up" }, true],
    ["no query", { provider: { type: "prometheus", address } }, false],
    ["an unknown source", { provider: { type: "promtheus" }, query: "up" }, false],
    ["a secret without name", { provider: { type: "datadog", secretRef: {} }, query: "up" }, false],
  ])("MetricTemplate: %s", (_, spec, good) => {
    expect(validate(METRIC_TEMPLATE, object("MetricTemplate", spec)).length === 0).toBe(good);
  });

  it.each([
    ["an address", { type: "slack", address: "https://x", channel: "c" }, true],
    ["a secret", { type: "generic", secretRef: { name: "s" } }, true],
    ["both", { type: "slack", address: "https://x", secretRef: { name: "s" } }, false],
    ["neither", { type: "slack" }, false],
    ["an unknown channel", { type: "pager", address: "https://x" }, false],
  ])("AlertProvider: %s", (_, spec, good) => {
    expect(validate(ALERT_PROVIDER, object("AlertProvider", spec)).length === 0).toBe(good);
  });
});
