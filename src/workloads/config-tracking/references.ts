/**
 * Where a pod spec refers to ConfigMaps and Secrets. Finding and renaming walk the same way, so that every tracked
 * config is also renamed:
 *
 *   volumes[].configMap | secret | projected.sources[].configMap | secret
 *   containers[], initContainers[], ephemeralContainers[]
 *     .env[].valueFrom.configMapKeyRef | secretKeyRef
 *     .envFrom[].configMapRef | secretRef
 *
 * Image pull secrets and the secrets of CSI and other volume drivers belong to the platform, not to the application.
 */
import { isFields } from "../../json/merge-patch.ts";
import type { Fields, PodSpec, PodTemplate } from "../../ports/kubernetes-types.ts";
import { primaryNameOf } from "../metadata.ts";

export type ConfigKind = "configmap" | "secret";

export interface ConfigRef {
  readonly kind: ConfigKind;
  readonly name: string;
  /** True when every reference is optional: the pod starts without the config. */
  readonly optional: boolean;
}

/** "configmap/podinfo-config": the name of a config in `status.trackedConfigs`. */
export function configKey({ kind, name }: Pick<ConfigRef, "kind" | "name">): string {
  return `${kind}/${name}`;
}

/** The configs of a pod template, each once, in the order of their first mention. */
export function configRefs(podTemplate: PodTemplate | undefined): readonly ConfigRef[] {
  const known = FOUND.get(podTemplate ?? NO_TEMPLATE) ?? findRefs(podTemplate);
  FOUND.set(podTemplate ?? NO_TEMPLATE, known);
  return known;
}

/** A turn needs the references of a template several times. Objects of a cache never change; they are replaced. */
const FOUND = new WeakMap<object, readonly ConfigRef[]>();
const NO_TEMPLATE = {};

function findRefs(podTemplate: PodTemplate | undefined): readonly ConfigRef[] {
  const found = new Map<string, ConfigRef>();
  renamed(podTemplate?.spec ?? {}, (ref) => {
    const before = found.get(configKey(ref));
    // One mandatory reference makes the config mandatory: the pod does not start without it.
    found.set(configKey(ref), { ...ref, optional: ref.optional && before?.optional !== false });
    return ref.name;
  });
  return [...found.values()];
}

/** The pod spec in which every reference to a config of `tracked` (keys as of `configKey`) names its primary copy. */
export function renameConfigRefs(podSpec: PodSpec, tracked: ReadonlySet<string>): PodSpec {
  return renamed(podSpec, (ref) => (tracked.has(configKey(ref)) ? primaryNameOf(ref.name) : ref.name));
}

type Rename = (ref: ConfigRef) => string;

function renamed(podSpec: PodSpec, rename: Rename): PodSpec {
  const volume = (given: Fields): Fields => {
    const sources = (projected: Fields) => each(projected, "sources", (source) => byName(source, VOLUME_REFS, rename));
    const direct = within(given, "secret", (secret) => refAt(secret, "secret", "secretName", rename));
    return within(byName(direct, PROJECTED_CONFIG_MAP, rename), "projected", sources);
  };
  const container = (given: Fields): Fields => {
    const env = each(given, "env", (variable) =>
      within(variable, "valueFrom", (from) => byName(from, KEY_REFS, rename)),
    );
    return each(env, "envFrom", (from) => byName(from, ENV_FROM_REFS, rename));
  };
  const lists = ["initContainers", "containers", "ephemeralContainers"];
  return lists.reduce((spec, list) => each(spec, list, container), each(podSpec, "volumes", volume));
}

type RefFields = readonly (readonly [field: string, kind: ConfigKind])[];

const PROJECTED_CONFIG_MAP: RefFields = [["configMap", "configmap"]];
const VOLUME_REFS: RefFields = [
  ["configMap", "configmap"],
  ["secret", "secret"],
];
const KEY_REFS: RefFields = [
  ["configMapKeyRef", "configmap"],
  ["secretKeyRef", "secret"],
];
const ENV_FROM_REFS: RefFields = [
  ["configMapRef", "configmap"],
  ["secretRef", "secret"],
];

function byName(holder: Fields, fields: RefFields, rename: Rename): Fields {
  return fields.reduce(
    (changed, [field, kind]) => within(changed, field, (ref) => refAt(ref, kind, "name", rename)),
    holder,
  );
}

function refAt(ref: Fields, kind: ConfigKind, field: "name" | "secretName", rename: Rename): Fields {
  const name = ref[field];
  if (typeof name !== "string" || name === "") return ref;
  return { ...ref, [field]: rename({ kind, name, optional: ref.optional === true }) };
}

/** `holder` with its object `field` changed; unchanged when it has none. */
function within<T extends Fields>(holder: T, field: string, change: (value: Fields) => Fields): T {
  const value = holder[field];
  return isFields(value) ? { ...holder, [field]: change(value) } : holder;
}

/** `holder` with every object in its list `field` changed; unchanged when it has none. */
function each<T extends Fields>(holder: T, field: string, change: (element: Fields) => Fields): T {
  const list = holder[field];
  if (!Array.isArray(list)) return holder;
  return { ...holder, [field]: list.map((element: unknown) => (isFields(element) ? change(element) : element)) };
}
