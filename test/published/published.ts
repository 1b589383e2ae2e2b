/**
 * The Canaries that are published with Flagger 1.44: in its documentation, its examples and the scripts of its tests.
 * None of their text is in this repository: FLAGGER_REPO names a copy of Flagger's. What becomes of each of them is the
 * table below.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { KubeFields } from "../../src/ports/kubernetes.ts";

/** Why a Canary is refused: in the words of `aviary plan`, and in those of an API server that has Flagger's own CRD. */
export interface Refusal {
  readonly aviary: string;
  readonly apiServer: string;
}

const required = (field: string): Refusal => {
  const text = `${field}: Required value`;
  return { aviary: `the API server would refuse it: ${text}`, apiServer: text };
};
export const NO_TARGET = required("spec.targetRef");
export const NO_ANALYSIS = required("spec.analysis");
export const NO_PORT = required("spec.service.port");
export const NO_NAME: Refusal = {
  aviary: "a document has no apiVersion, kind or metadata.name that is text",
  apiServer: "name or generateName is required",
};
export const OLD_VERSION: Refusal = {
  aviary: "apiVersion must be flagger.app/v1beta1, found flagger.app/v1alpha3",
  apiServer: "the server could not find the requested resource",
};

export type Verdict = "planned" | Refusal;

interface PublishedFile {
  /** Of Canaries that name no provider: the flag that the same file or folder of Flagger's installs it with. */
  readonly meshProvider?: string;
  /** Of its Canaries, in their order. */
  readonly verdicts: readonly Verdict[];
}

const planned = (count: number, meshProvider = "istio"): PublishedFile => ({
  meshProvider,
  verdicts: Array.from({ length: count }, () => "planned" as const),
});
const refused = (...verdicts: readonly Refusal[]): PublishedFile => ({ verdicts });
const both = (one: PublishedFile, other: PublishedFile): PublishedFile => ({
  ...{ ...one, verdicts: [...one.verdicts, ...other.verdicts] },
});

const GATEWAY = "gatewayapi:v1";

export const PUBLISHED: Readonly<Record<string, PublishedFile>> = {
  "CHANGELOG.md": refused(NO_TARGET),
  "README.md": planned(1),
  "artifacts/examples/istio-abtest.yaml": planned(1),
  "artifacts/examples/istio-canary.yaml": planned(1),
  "artifacts/examples/kuma-canary.yaml": planned(1, "kuma"),
  "artifacts/examples/linkerd-canary-steps.yaml": planned(1),
  "artifacts/examples/linkerd-canary.yaml": planned(1),
  "docs/gitbook/faq.md": {
    verdicts: [NO_ANALYSIS, NO_NAME, NO_TARGET, NO_TARGET, "planned", NO_TARGET, NO_TARGET, NO_NAME, NO_NAME],
  },
  "docs/gitbook/tutorials/apisix-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/contour-progressive-delivery.md": planned(1, "contour"),
  "docs/gitbook/tutorials/gatewayapi-progressive-delivery.md": both(
    planned(4, GATEWAY),
    refused(NO_PORT, NO_PORT, NO_PORT, NO_PORT, NO_PORT),
  ),
  "docs/gitbook/tutorials/gloo-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/istio-ab-testing.md": planned(1),
  "docs/gitbook/tutorials/istio-progressive-delivery.md": both(planned(2), refused(NO_TARGET, NO_NAME)),
  "docs/gitbook/tutorials/keda-scaledobject.md": planned(1),
  "docs/gitbook/tutorials/knative-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/kubernetes-blue-green.md": planned(1),
  "docs/gitbook/tutorials/kuma-progressive-delivery.md": planned(1, "kuma"),
  "docs/gitbook/tutorials/linkerd-progressive-delivery.md": planned(2, GATEWAY),
  "docs/gitbook/tutorials/nginx-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/prometheus-operator.md": planned(1),
  "docs/gitbook/tutorials/skipper-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/traefik-progressive-delivery.md": planned(1),
  "docs/gitbook/tutorials/zero-downtime-deployments.md": refused(NO_NAME),
  "docs/gitbook/usage/how-it-works.md": planned(1),
  "kustomize/README.md": refused(OLD_VERSION),
  "test/apisix/test-canary.sh": planned(1),
  "test/contour/test-canary.sh": planned(3),
  "test/gatewayapi/test-ab.sh": planned(1, GATEWAY),
  "test/gatewayapi/test-bg.sh": planned(1, GATEWAY),
  "test/gatewayapi/test-canary.sh": planned(2, GATEWAY),
  "test/gatewayapi/test-session-affinity.sh": planned(1, GATEWAY),
  "test/gloo/test-canary.sh": planned(2),
  "test/istio/test-canary.sh": planned(5),
  "test/istio/test-delegation.sh": planned(1),
  "test/istio/test-session-affinity.sh": planned(1),
  "test/istio/test-skip-analysis.sh": planned(1),
  "test/keda/test-scaledobject.sh": planned(1),
  "test/knative/test-canary.sh": planned(2),
  "test/kubernetes/test-daemonset.sh": planned(2),
  "test/kubernetes/test-deployment.sh": planned(1),
  "test/kubernetes/test-hpa.sh": planned(1),
  "test/kuma/test-canary.sh": planned(2, "kuma"),
  "test/linkerd/test-canary.sh": planned(3, GATEWAY),
  "test/linkerd/test-steps.sh": planned(1, GATEWAY),
  "test/nginx/test-canary.sh": planned(2, "nginx"),
  "test/nginx/test-lifecycle.sh": planned(2, "nginx"),
  "test/skipper/test-canary.sh": planned(1),
  "test/traefik/test-canary.sh": planned(1),
};

/** The folder of a copy of Flagger's repository at 1.44; empty when none was given. */
export const FLAGGER_REPO = process.env["FLAGGER_REPO"] ?? "";

/** What may stand before and after a document: a fence of Markdown, `---`, a here-document of a script. */
const BORDER = /^\s*(?:```.*|---|EOF|.*<<\s*['"]?EOF['"]?.*)$/m;

/**
 * Every Canary of a copy of Flagger's repository, by the file that it stands in. CRDs and templates of charts hold
 * none.
 */
export function publishedCanaries(folder: string): ReadonlyMap<string, readonly KubeFields[]> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.(ya?ml|md|sh)$/.test(file) && statSync(join(folder, file)).isFile(),
  );
  const found = files.map((file) => [file, canariesIn(readFileSync(join(folder, file), "utf8"))] as const);
  return new Map(found.filter(([, canaries]) => canaries.length > 0));
}

function canariesIn(text: string): readonly KubeFields[] {
  const pieces = text.split(BORDER).filter((piece) => /kind: Canary\b/.test(piece));
  const documents = pieces.flatMap((piece) => parseAllDocuments(piece));
  const objects = documents.filter(({ errors }) => errors.length === 0).map((document) => document.toJS());
  return objects.filter((object) => object?.kind === "Canary" && object.apiVersion?.startsWith("flagger.app/"));
}

/** What a Canary asks for, as paths of fields without the names that people choose. */
export function featuresOf(spec: KubeFields): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const item of value) walk(item, `${path}[]`);
    else if (typeof value !== "object" || value === null) found.add(path);
    else
      for (const [key, below] of Object.entries(value)) walk(below, CHOSEN.test(path) ? `${path}.*` : `${path}.${key}`);
  };
  walk(spec, "spec");
  found.delete("spec.provider");
  const { analysis, targetRef } = spec;
  found.add(`target ${targetRef?.kind}`);
  for (const { type } of analysis?.webhooks ?? []) found.add(`webhook ${type ?? "rollout"}`);
  return found;
}

const CHOSEN = /\.(annotations|labels|add|set|headers|metadata|templateVariables|primaryScalerQueries|sourceLabels)$/;
