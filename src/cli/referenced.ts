/** MetricTemplates and AlertProviders of the files: what is wrong with them, and where a Canary names them. */
import { getGlobalDispatcher } from "undici";
import { applyDefaults, crdSchema, validate } from "../../sandbox/api-server/schema/index.ts";
import { didYouMean } from "../core/spec/nearest.ts";
import { alertProviderCrd, type CrdObject, metricTemplateCrd } from "../crd/index.ts";
import { errorText } from "../error-text.ts";
import { MetricError } from "../metrics/metric-error.ts";
import { createMetricSource } from "../metrics/table.ts";
import { renderQuery, TemplateError } from "../metrics/template.ts";
import { createNotifier } from "../notifiers/notifier.ts";
import { credentialsOf } from "../operator/cluster/credentials.ts";
import { settingsOf } from "../operator/notify/alerting.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { systemClock } from "../time/system-clock.ts";
import { refusalText } from "./canaries.ts";

/** A place in a Canary's spec that names another object. */
interface Reference {
  readonly field: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** What a Canary's references say about its releases. */
export interface Referenced {
  /** With these no release can succeed. */
  readonly hopeless: readonly string[];
  readonly notes: readonly string[];
}

export function referencedBy(canary: KubeObject, manifests: readonly KubeObject[]): Referenced {
  const found = referencesOf(canary).flatMap(({ field, kind, name, namespace }) => {
    const object = manifests.find(
      (one) => one.kind === kind && one.metadata.name === name && spaceOf(one) === namespace,
    );
    if (object === undefined) return [];
    return mistakesIn(object, manifests).map((text) => ({ kind, text: `${field}: ${kind} ${name}: ${text}` }));
  });
  const isHopeless = ({ kind }: { readonly kind: string }) => kind === "MetricTemplate";
  return {
    hopeless: found.filter(isHopeless).map(({ text }) => text),
    notes: [...found.filter((one) => !isHopeless(one)).map(({ text }) => text), ...missing(canary, manifests)],
  };
}

/** References to kinds that the files hold, but not under this name. Kinds that the files do not hold are elsewhere. */
export function missing(canary: KubeObject, manifests: readonly KubeObject[]): readonly string[] {
  return referencesOf(canary).flatMap(({ field, kind, name, namespace }) => {
    const known = manifests
      .filter((one) => one.kind === kind && spaceOf(one) === namespace)
      .map((one) => one.metadata.name);
    if (known.length === 0 || known.includes(name)) return [];
    const hint = didYouMean(name, known);
    return [`${field}: these files hold no ${kind} "${name}" in ${namespace}${hint}; the cluster must have it`];
  });
}

const spaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "default";

function referencesOf(canary: KubeObject): readonly Reference[] {
  const { spec = {} } = canary;
  const own = spaceOf(canary);
  const analysis = spec.analysis ?? spec.canaryAnalysis ?? {};
  const each = (list: unknown): readonly KubeFields[] => (Array.isArray(list) ? list : []);
  const references: readonly (readonly [string, string, KubeFields | null | undefined])[] = [
    ["spec.targetRef", spec.targetRef?.kind, spec.targetRef],
    ["spec.autoscalerRef", spec.autoscalerRef?.kind, spec.autoscalerRef],
    ...each(analysis.metrics).map(
      ({ templateRef }, i) => [`spec.analysis.metrics[${i}].templateRef`, "MetricTemplate", templateRef] as const,
    ),
    ...each(analysis.alerts).map(
      ({ providerRef }, i) => [`spec.analysis.alerts[${i}].providerRef`, "AlertProvider", providerRef] as const,
    ),
  ];
  return references.flatMap(([field, kind, ref]) =>
    ref === undefined || ref === null ? [] : [{ field, kind, name: ref.name ?? "", namespace: ref.namespace ?? own }],
  );
}

const CRDS: Readonly<Record<string, () => CrdObject>> = {
  MetricTemplate: metricTemplateCrd,
  AlertProvider: alertProviderCrd,
};

/**
 * What is wrong with a MetricTemplate or an AlertProvider: field, cause and cure. What its Secret holds is known when
 * the files hold the Secret.
 */
export function mistakesIn(object: KubeObject, manifests: readonly KubeObject[]): readonly string[] {
  const crd = CRDS[object.kind ?? ""];
  if (crd === undefined) return [];
  const { versions } = crd().spec as { versions: { schema: { openAPIV3Schema: unknown } }[] };
  const schema = crdSchema(versions[0]?.schema.openAPIV3Schema);
  const refused = validate(schema, applyDefaults(schema, object));
  if (refused.length > 0) return refused.map((error) => `the API server would refuse it: ${refusalText(error)}`);
  const spec: KubeFields = object.spec ?? {};
  return object.kind === "MetricTemplate"
    ? [...templateMistakes(spec, spaceOf(object), manifests), ...queryMistakes(spec)]
    : providerMistakes(spec, spaceOf(object), manifests);
}

function templateMistakes(
  { provider = {} }: KubeFields,
  namespace: string,
  manifests: readonly KubeObject[],
): readonly string[] {
  const secret = secretOf(provider.secretRef?.name, namespace, manifests);
  // The cluster may have the Secret.
  if (provider.secretRef?.name && secret === undefined) return [];
  if (typeof secret === "string") return [secret];
  try {
    createMetricSource({
      type: provider.type ?? "",
      address: provider.address ?? "",
      headers: provider.headers,
      credentials: secret,
      region: provider.region,
      interval: "1m",
      clock: systemClock,
      cluster: { send: () => Promise.reject(new Error("no cluster is read")) },
      dispatcher: getGlobalDispatcher(),
    });
    return [];
  } catch (error) {
    if (!(error instanceof MetricError)) throw error;
    return [`${cureOf(error.message, "spec.provider")}`];
  }
}

/** Texts of the operator, with the field that they are about in front and what to do behind. */
function cureOf(text: string, at: string): string {
  if (/credentials|spec\.provider\.secretRef/.test(text))
    return `${at}.secretRef: ${text}: name a Secret that has this key, or add the key to the Secret`;
  if (/region/.test(text)) return `${at}.region: ${text}: set it, for example to eu-west-1`;
  if (/proxy/.test(text)) return `${at}.proxy: ${text}: give it as http://HOST:PORT`;
  if (/username|channel/.test(text)) return `${at}: ${text}: set ${at}.username and ${at}.channel, or leave both out`;
  return `${at}.address: ${text}: give the whole address, beginning with http:// or https://`;
}

const MODEL = { name: "", namespace: "", target: "", service: "", ingress: "", route: "", interval: "1m" } as const;

function queryMistakes({ query = "" }: KubeFields): readonly string[] {
  if (String(query).trim() === "") return ["spec.query is empty: write a query that answers with one number"];
  try {
    renderQuery(query, { ...MODEL, variables: {} });
    return [];
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    // Variables are given by each Canary: only what cannot be read at all is wrong with the template.
    if (!error.message.startsWith("template parsing failed")) return [];
    return [`spec.query: ${error.message}: correct the action between {{ and }}`];
  }
}

function providerMistakes(spec: KubeFields, namespace: string, manifests: readonly KubeObject[]): readonly string[] {
  const secret = secretOf(spec.secretRef?.name, namespace, manifests);
  if (spec.secretRef?.name && secret === undefined) return [];
  if (typeof secret === "string") return [secret];
  const settings = settingsOf(spec, secret);
  if (settings.address === "") {
    return secret === undefined
      ? ["spec.address is empty and there is no spec.secretRef: no alert is sent; set one of them"]
      : [`spec.secretRef: the Secret ${spec.secretRef.name} has no address: add the key address, no alert is sent`];
  }
  try {
    createNotifier(spec.type ?? "", settings, { clock: systemClock, dispatcherFor: getGlobalDispatcher });
    return [];
  } catch (error) {
    return [cureOf(errorText(error), secret === undefined ? "spec" : "spec.secretRef")];
  }
}

/** The entries of a Secret of the files; undefined when they do not hold it; a text when it cannot be read. */
function secretOf(
  name: string | undefined,
  namespace: string,
  manifests: readonly KubeObject[],
): ReadonlyMap<string, string> | string | undefined {
  const secret = manifests.find(
    (one) => one.kind === "Secret" && one.metadata.name === name && spaceOf(one) === namespace,
  );
  if (secret === undefined) return undefined;
  const entries = credentialsOf(secret);
  if (typeof entries === "string") return `secretRef ${name}: ${entries}`;
  return new Map([...entries, ...Object.entries<string>(secret["stringData"] ?? {})]);
}
