/** What a Knative Serving installation adds to a cluster, as far as the sandbox's imitation knows it: four kinds. */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { AGE, type Column, definition, OPEN } from "./definition.ts";

const GROUP = "serving.knative.dev";

const kindOf = (kind: string): ResourceType => ({
  group: GROUP,
  version: "v1",
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced: true,
});

/** What belongs to whom: Service --> Configuration --> Revision; Service --> Route. */
export const KNATIVE = {
  service: RESOURCES.knativeService,
  revision: RESOURCES.knativeRevision,
  configuration: kindOf("Configuration"),
  route: kindOf("Route"),
} as const;

/** Labels and annotations by which Knative's objects, and what is made of them, are known. */
export const KNATIVE_LABELS = {
  service: `${GROUP}/service`,
  configuration: `${GROUP}/configuration`,
  generation: `${GROUP}/configurationGeneration`,
  revision: `${GROUP}/revision`,
  revisionUid: `${GROUP}/revisionUID`,
  route: `${GROUP}/route`,
  routingState: `${GROUP}/routingState`,
  routingStateModified: `${GROUP}/routingStateModified`,
} as const;

/** Of the placeholder Services of Routes and of the Services of Revisions. */
export const KNATIVE_PORT = 80;

/** Hosts of a Route outside the cluster end in this, after its namespace. */
export const KNATIVE_DOMAIN = "example.com";

const TARGET = {
  type: "object",
  properties: {
    tag: { type: "string" },
    revisionName: { type: "string", maxLength: 253 },
    configurationName: { type: "string" },
    latestRevision: { type: "boolean" },
    percent: { type: "integer", format: "int64", minimum: 0, maximum: 100, default: 0 },
  },
  "x-kubernetes-validations": [
    {
      rule: 'has(self.latestRevision) && self.latestRevision ? !has(self.revisionName) || self.revisionName == "" : true',
      message: "may not set revisionName when latestRevision is true",
    },
  ],
};

/** Kubernetes estimates what a rule costs at most, and refuses a rule over a list without an end. */
const MOST_TARGETS = 100;

const traffic = (more: KubeFields) => ({
  type: "array",
  maxItems: MOST_TARGETS,
  items: TARGET,
  "x-kubernetes-validations": [
    { rule: "self.map(target, target.percent).sum() == 100", message: "Traffic targets must sum to 100" },
  ],
  ...more,
});

const condition = (name: string, column: string, field: string): Column => ({
  name: column,
  jsonPath: `.status.conditions[?(@.type=='${name}')].${field}`,
  type: "string",
});
const READY = [condition("Ready", "Ready", "status"), condition("Ready", "Reason", "reason")];
const column = (name: string, jsonPath: string): Column => ({ name, jsonPath, type: "string" });
const URL_COLUMN = column("URL", ".status.url");
const LATEST = [
  column("LatestCreated", ".status.latestCreatedRevisionName"),
  column("LatestReady", ".status.latestReadyRevisionName"),
];

export function knativeCrds(): readonly KubeObject[] {
  const everything = [{ latestRevision: true, percent: 100 }];
  return [
    crd(KNATIVE.service, ["kservice", "ksvc"], { ...OPEN, properties: { traffic: traffic({ default: everything }) } }, [
      URL_COLUMN,
      ...LATEST,
      ...READY,
      AGE,
    ]),
    crd(KNATIVE.configuration, ["config", "cfg"], OPEN, [...LATEST, ...READY, AGE]),
    crd(KNATIVE.revision, ["rev"], OPEN, [
      column("Config Name", `.metadata.labels['serving\\.knative\\.dev/configuration']`),
      column("Generation", `.metadata.labels['serving\\.knative\\.dev/configurationGeneration']`),
      ...READY,
      AGE,
    ]),
    crd(KNATIVE.route, ["rt"], { ...OPEN, properties: { traffic: traffic({}) } }, [URL_COLUMN, ...READY, AGE]),
  ];
}

function crd(
  { group, kind }: ResourceType,
  shortNames: readonly string[],
  spec: KubeFields,
  columns: readonly Column[],
): KubeObject {
  const singular = kind.toLowerCase();
  const categories = ["all", "knative", "serving"];
  return definition({ group, kind, singular, shortNames, categories, versions: ["v1"], spec, columns });
}

/** Knative says on every target of a Service's traffic whether it follows the latest Revision. In place. */
export function completeTraffic(service: KubeObject): void {
  const targets: readonly KubeFields[] = service.spec?.traffic ?? [];
  for (const target of targets) target.latestRevision ??= !target.revisionName;
}
