/** Turns the options of a command line into a scenario. */
import { parseDuration } from "../go/duration.ts";
import { type KubeObject, metadataPart } from "../ports/kubernetes.ts";
import { assumedHooks, assumptionsFor } from "./assumed.ts";
import { type Curve, parseCurve } from "./curve.ts";
import { aTarget, type Behaviour, HEALTHY, type HookBehaviour, imageOf, type Scenario } from "./scenario.ts";
import { kindOf } from "./targets.ts";

/** The scenario options of `aviary simulate`, as written. */
export interface ScenarioWords {
  readonly errorRate?: string | undefined;
  readonly latency?: string | undefined;
  readonly readyAfter?: string | undefined;
  readonly crash?: string | undefined;
  readonly rps?: string | undefined;
  readonly matched?: string | undefined;
  readonly metricGap?: string | undefined;
  readonly metrics?: string | undefined;
  readonly hooks?: string | undefined;
  readonly replicas?: string | undefined;
  readonly image?: string | undefined;
  readonly until?: string | undefined;
}

export interface AskedScenario extends Scenario {
  /** Objects that no manifest describes and that the simulation invented, in sentences. */
  readonly assumed: readonly string[];
}

/** @throws RangeError that names the wrong word and the right form */
export function scenarioFrom(
  words: ScenarioWords,
  objectsOfFiles: readonly KubeObject[],
  file: Partial<Scenario>,
): AskedScenario {
  const manifests = objectsOfFiles.map(asWritten);
  const scenario = described(words, manifests, file);
  const { canary, target, objects, metrics, hooks } = scenario;
  const targetGiven = file.target !== undefined || given(canary, manifests) !== undefined;
  // The running example is invented as a whole.
  const example = canary.spec === THE_CANARY.spec;
  const assumed = assumptionsFor({ canary, target, targetGiven, objects, manifests, metrics, hooks });
  return {
    ...scenario,
    hooks: { ...assumedHooks(scenario), ...hooks },
    objects: [...objects, ...assumed.flatMap(({ object }) => (object === undefined ? [] : [object]))],
    assumed: example ? [] : assumed.map(({ text }) => text),
  };
}

/** Removes what `kubectl get` adds: an object begins without a status, a uid and a history. */
function asWritten({ status: _status, ...object }: KubeObject): KubeObject {
  return { ...object, metadata: metadataPart(object, "namespace", "labels", "annotations") };
}

function described(words: ScenarioWords, manifests: readonly KubeObject[], file: Partial<Scenario>): Scenario {
  const canary = inNamespace(file.canary ?? manifests.find(({ kind }) => kind === "Canary") ?? THE_CANARY);
  const targetName: string = canary.spec?.targetRef?.name ?? canary.metadata.name;
  const target = targetFrom(canary, targetName, pods(words.replicas), manifests, file);
  const image = words.image ?? file.image ?? `${imageOf(target.spec.template).replace(/:[^:/]*$/, "")}:v2`;
  const gap = words.metricGap === undefined ? file.metricGaps : gaps(words.metricGap);
  return {
    canary,
    target,
    objects: file.objects ?? manifests.filter((object) => isFound(object, target)).map(inNamespace),
    image,
    impatient: file.impatient ?? false,
    behaviours: { ...file.behaviours, [image]: behaviour(words, file.behaviours?.[image] ?? HEALTHY) },
    rps: curve(words.rps, "--rps") ?? file.rps ?? 100,
    matched: percent(words.matched, "--matched") ?? file.matched ?? 20,
    metrics: { ...file.metrics, ...named(words.metrics, "--metric", (text) => curve(text, "--metric")) },
    metricGaps: gap ?? [],
    hooks: { ...file.hooks, ...named(words.hooks, "--hook", hook) },
    users: file.users ?? [],
    patienceMs: duration(words.until, "--until") ?? file.patienceMs ?? 3_600_000,
    meshLagMs: file.meshLagMs ?? 500,
    ...(file.meshShare === undefined ? {} : { meshShare: file.meshShare }),
  };
}

/** @throws RangeError for a kind that cannot be simulated, or only with its manifest */
function targetFrom(
  canary: KubeObject,
  name: string,
  replicas: number | undefined,
  manifests: readonly KubeObject[],
  file: Partial<Scenario>,
): KubeObject {
  const { namespace = "default" } = canary.metadata;
  const { kind = "", apiVersion = "apps/v1" } = canary.spec?.targetRef ?? {};
  const { type } = kindOf({ kind, apiVersion });
  const made =
    file.target ??
    given(canary, manifests) ??
    (type.group === "" ? undefined : { ...aTarget(name, namespace, `${name}:v1`, 2) });
  if (made === undefined) {
    throw new RangeError(
      "a Service as target needs its manifest, and those of the Deployments that it selects: add their files",
    );
  }
  const spec = type.group === "apps" ? { ...made.spec, replicas: replicas ?? made.spec?.replicas ?? 2 } : made.spec;
  return { ...made, apiVersion, kind, metadata: { ...made.metadata, namespace }, spec };
}

/** The target's manifest. A Service of Knative and one of Kubernetes may have the same name. */
function given(canary: KubeObject, manifests: readonly KubeObject[]): KubeObject | undefined {
  const { kind = "", apiVersion = "apps/v1", name = canary.metadata.name } = canary.spec?.targetRef ?? {};
  const alike = manifests.filter(
    (object) => object.kind === kind && object.metadata.name === name && object.apiVersion === apiVersion,
  );
  return alike.find(({ metadata }) => metadata.namespace === canary.metadata.namespace) ?? alike[0];
}

/** The objects beside the Canary and its target. */
function isFound({ kind, metadata }: KubeObject, target: KubeObject): boolean {
  return FOUND.has(kind) && !(kind === target.kind && metadata.name === target.metadata.name);
}

const FOUND: ReadonlySet<string> = new Set([
  "ConfigMap",
  "Secret",
  "Deployment",
  "Service",
  "HorizontalPodAutoscaler",
  "ScaledObject",
]);

function inNamespace(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? "default" } };
}

/** The running example, which is simulated when no Canary is given. */
const THE_CANARY: KubeObject = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test" },
  spec: {
    provider: "istio",
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" },
    progressDeadlineSeconds: 60,
    service: { port: 9898 },
    analysis: {
      interval: "15s",
      threshold: 3,
      maxWeight: 50,
      stepWeight: 10,
      metrics: [
        { name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" },
        { name: "request-duration", thresholdRange: { max: 500 }, interval: "1m" },
      ],
    },
  },
};

function behaviour(words: ScenarioWords, base: Behaviour): Behaviour {
  const readyAfterMs = duration(words.readyAfter, "--ready-after") ?? base.readyAfterMs;
  const crash = words.crash === undefined ? {} : crashes(words.crash);
  return {
    ...base,
    errorRate: curve(words.errorRate, "--error-rate") ?? base.errorRate,
    latencyMs: curve(words.latency, "--latency") ?? base.latencyMs,
    readyAfterMs,
    ...crash,
  };
}

function crashes(text: string): Partial<Behaviour> {
  if (text === "start") return { crash: "start" };
  if (text === "primary") return { crashAsPrimary: "start" };
  const ms = duration(text, "--crash");
  return ms === undefined ? {} : { crash: ms };
}

function gaps(text: string): Scenario["metricGaps"] {
  return text.split(",").map((part) => {
    const [from, to] = part.split("-");
    const [fromMs, toMs] = [duration(from, "--metric-gap"), duration(to, "--metric-gap")];
    if (fromMs === undefined || toMs === undefined || fromMs >= toMs) throw wrong("--metric-gap", text, "30s-90s");
    return { fromMs, toMs };
  });
}

function named<T>(text: string | undefined, option: string, read: (text: string) => T | undefined): Record<string, T> {
  if (text === undefined) return {};
  const entries = text.split(";").map((part): [string, T] => {
    const equals = part.lastIndexOf("=");
    const value = equals === -1 ? undefined : read(part.slice(equals + 1));
    if (value === undefined) throw wrong(option, part, "NAME=VALUE");
    return [part.slice(0, equals), value];
  });
  return Object.fromEntries(entries);
}

function hook(text: string): HookBehaviour {
  const [kind = "", argument] = text.split("@");
  if (kind === "passes" || kind === "passes-late" || kind === "fails" || kind === "hangs") return { kind };
  if (kind === "opens") return { kind, afterMs: duration(argument, "--hook") ?? 0 };
  if (kind === "fails-first") return { kind, calls: number(argument, "--hook") ?? 1 };
  throw wrong("--hook", text, "passes, fails, hangs, opens@60s or fails-first@2");
}

function curve(text: string | undefined, option: string): Curve | undefined {
  if (text === undefined) return undefined;
  const parsed = parseCurve(text);
  if (parsed === undefined)
    throw wrong(option, text, '2, or points over time "0@0s,5@90s", or over weight "0@0w,5@30w"');
  return parsed;
}

function duration(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseDuration(text);
  if (typeof parsed !== "number" || parsed < 0) throw wrong(option, text, "90s or 5m");
  return parsed;
}

function number(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const parsed = Number(text);
  if (!Number.isFinite(parsed) || parsed < 0) throw wrong(option, text, "a number");
  return parsed;
}

const MOST_PODS = 1000;

function pods(text: string | undefined): number | undefined {
  const read = number(text, "--replicas");
  if (read === undefined || (Number.isInteger(read) && read >= 1 && read <= MOST_PODS)) return read;
  throw wrong("--replicas", text ?? "", `a whole number from 1 to ${MOST_PODS}`);
}

function percent(text: string | undefined, option: string): number | undefined {
  const read = number(text, option);
  if (read === undefined || read <= 100) return read;
  throw wrong(option, text ?? "", "a number from 0 to 100");
}

function wrong(option: string, found: string, wanted: string): RangeError {
  return new RangeError(`${option} must be like ${wanted}, found "${found}"`);
}
