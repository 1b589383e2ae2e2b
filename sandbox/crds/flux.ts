/**
 * The kinds of Flux that the sandbox's own controllers serve, and the kinds that Flux's real controllers watch besides.
 */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { AGE, type Definition, definition, OPEN } from "./definition.ts";

const SOURCE = "source.toolkit.fluxcd.io";

const STATUS = [
  AGE,
  { name: "Ready", jsonPath: '.status.conditions[?(@.type=="Ready")].status', type: "string" },
  { name: "Status", jsonPath: '.status.conditions[?(@.type=="Ready")].message', type: "string" },
];

/** Flux's own source-controller relies on this default of Flux's CRD. */
const GIT_REPOSITORY_SPEC = { ...OPEN, properties: { timeout: { type: "string", default: "60s" } } };

/** Kinds without a controller in the sandbox. The real controllers do not start when one of these kinds is missing. */
const WATCHED: readonly (readonly [kind: string, singular: string, further?: Pick<Definition, "plural">])[] = [
  ["OCIRepository", "ocirepository", { plural: "ocirepositories" }],
  ["Bucket", "bucket"],
  ["HelmRepository", "helmrepository", { plural: "helmrepositories" }],
  ["HelmChart", "helmchart"],
  ["ExternalArtifact", "externalartifact"],
];

export function fluxCrds(): readonly KubeObject[] {
  const source = (kind: string, singular: string, further: Partial<Definition> = {}) =>
    definition({
      ...{ group: SOURCE, kind, singular, shortNames: [], categories: [], versions: ["v1"], columns: STATUS },
      ...further,
    });
  const repository = { plural: "gitrepositories", shortNames: ["gitrepo"], spec: GIT_REPOSITORY_SPEC };
  return [
    source("GitRepository", "gitrepository", repository),
    definition({
      group: "kustomize.toolkit.fluxcd.io",
      kind: "Kustomization",
      singular: "kustomization",
      shortNames: ["ks"],
      categories: [],
      versions: ["v1"],
      columns: STATUS,
    }),
    ...WATCHED.map(([kind, singular, further]) => source(kind, singular, further)),
  ];
}
