/**
 * The kinds of target in the simulated world: the revision in an object, how people change it, and the owners of its
 * fields.
 */

import type { Routes } from "../core/status/canary.ts";
import { promotionId } from "../core/turn/identity.ts";
import { hashPodTemplate, hashServiceSpec, hashText, SCALE_TO_ZERO_SELECTOR } from "../go/hash/hash.ts";
import { typeOf } from "../operator/cluster/write.ts";
import { type KubeFields, type KubeObject, type ObjectRef, RESOURCES, type ResourceType } from "../ports/kubernetes.ts";
import type { Api } from "./api.ts";
import { NODES } from "./controllers/daemonset.ts";
import { meshOf } from "./meshes/table.ts";
import { imageOf, type Scenario } from "./scenario.ts";

/** One revision, as the simulation and the status identify it. */
export interface Held {
  /** As in `status.lastAppliedSpec`. */
  readonly hash: string;
  readonly image: string;
}

export interface TargetKind {
  readonly type: ResourceType;
  /** Changes only when the object may hold another revision than before. */
  content(object: KubeObject): unknown;
  held(object: KubeObject, api: Api): Held;
  /** The patch with which people release an image. */
  released(object: KubeObject, image: string): KubeFields;
  /** The patch with which people scale it; undefined where there is nothing to scale. */
  scaled(object: KubeObject, replicas: number): KubeFields | undefined;
  /** The replicas that it asks for; undefined where it has no pods of its own. */
  size(object: KubeObject | undefined): number | undefined;
  /** The object that is the primary. */
  primaryName(name: string): string;
  /** The revision that the primary carries. @param object the one that `primaryName` names */
  carried(object: KubeObject, uid: string, api: Api): { readonly id: string | undefined; readonly image: string };
  /** The target splits its own traffic, and this is the split. Absent: a mesh does. */
  ownRoutes?(object: KubeObject | undefined): Routes;
  /** Fields of the target that the operator may write. */
  readonly ours: readonly string[];
}

const PROMOTION_ID = "flagger-id";
const copyName = (name: string) => `${name}-primary`;

function copied(
  type: ResourceType,
  differing: Pick<TargetKind, "scaled" | "size" | "ours"> & { readonly hash: (template: KubeFields) => string },
): TargetKind {
  return {
    type,
    content: ({ spec }) => spec?.template,
    held: ({ spec }) => ({ hash: differing.hash(spec?.template), image: imageOf(spec?.template) }),
    released(object, image) {
      const [first, ...others] = object.spec?.template?.spec?.containers ?? [];
      return { spec: { template: { spec: { containers: [{ ...first, image }, ...others] } } } };
    },
    primaryName: copyName,
    carried: ({ spec }) => ({
      id: spec?.template?.metadata?.annotations?.[PROMOTION_ID],
      image: imageOf(spec?.template),
    }),
    ...differing,
  };
}

const BY_REPLICAS = {
  hash: (template: KubeFields) => hashPodTemplate(template),
  scaled: (_object: KubeObject, replicas: number) => ({ spec: { replicas } }),
  size: (object: KubeObject | undefined) => object?.spec?.replicas ?? 0,
  ours: ["spec.replicas"],
};

const DAEMON_SET = copied(RESOURCES.daemonSet, {
  hash: (template) => hashPodTemplate(template, { daemonSet: true }),
  // A selector that no node matches stands for any other, too.
  scaled: (_object, replicas) => ({
    spec: { template: { spec: { nodeSelector: { [SCALE_TO_ZERO_SELECTOR]: replicas === 0 ? "true" : null } } } },
  }),
  size: (object) => (object?.spec?.template?.spec?.nodeSelector?.[SCALE_TO_ZERO_SELECTOR] === undefined ? NODES : 0),
  ours: ["spec.template.spec.nodeSelector"],
});

/** A release of a Service selects the pods of another version. */
const SERVICE: TargetKind = {
  type: RESOURCES.service,
  content: ({ spec }) => spec,
  held: ({ spec, metadata }) => ({ hash: hashServiceSpec(spec), image: selectedImage(metadata.name, spec) }),
  released: (_object, image) => ({ spec: { selector: { version: image.slice(image.lastIndexOf(":") + 1) } } }),
  scaled: () => undefined,
  size: () => undefined,
  primaryName: copyName,
  carried: ({ metadata, spec }) => ({
    id: metadata.annotations?.[PROMOTION_ID],
    image: selectedImage(metadata.name.replace(/-primary$/, ""), spec),
  }),
  ours: [],
};

const selectedImage = (name: string, spec: KubeFields): string => `${name}:${spec?.selector?.version ?? ""}`;

const PRIMARY_REVISION = "flagger.app/primary-revision";

const KNATIVE: TargetKind = {
  type: RESOURCES.knativeService,
  content: ({ status }) => status?.latestCreatedRevisionName,
  held(object, api) {
    const name: string = object.status?.latestCreatedRevisionName ?? "";
    return { hash: hashText(name), image: revisionImage(object, name, api) };
  },
  released: copied(RESOURCES.knativeService, BY_REPLICAS).released,
  scaled: () => undefined,
  size: () => undefined,
  primaryName: (name) => name,
  carried(object, uid, api) {
    const name = object.metadata.annotations?.[PRIMARY_REVISION];
    if (name === undefined) return { id: undefined, image: "" };
    return { id: promotionId(uid, { spec: hashText(name) }), image: revisionImage(object, name, api) };
  },
  ownRoutes(object) {
    const traffic: readonly KubeFields[] = object?.spec?.traffic ?? [];
    const percent = (wanted: (entry: KubeFields) => boolean): number => traffic.find(wanted)?.percent ?? 0;
    const canary = percent(({ latestRevision }) => latestRevision === true);
    return { primary: percent(({ revisionName }) => revisionName !== undefined), canary, mirror: false };
  },
  ours: ["spec.traffic", "metadata.annotations"],
};

function revisionImage({ metadata }: KubeObject, name: string, api: Api): string {
  const revision = api.get({ type: RESOURCES.knativeRevision, namespace: metadata.namespace ?? "", name });
  return imageOf({ spec: revision?.spec });
}

const KINDS = new Map<ResourceType, TargetKind>(
  [
    copied(RESOURCES.deployment, BY_REPLICAS),
    copied(RESOURCES.statefulSet, BY_REPLICAS),
    DAEMON_SET,
    SERVICE,
    KNATIVE,
  ].map((kind) => [kind.type, kind]),
);

/** @throws RangeError for a kind that cannot be simulated */
export function kindOf(target: Pick<KubeObject, "apiVersion" | "kind">): TargetKind {
  const kind = [...KINDS.values()].find(({ type }) => type === known(target));
  if (kind !== undefined) return kind;
  const all = [...KINDS.keys()].map((type) => `${type.kind} of ${type.group === "" ? "v1" : type.group}`).join(", ");
  throw new RangeError(`a target of kind ${target.kind} (${target.apiVersion}) cannot be simulated: use one of ${all}`);
}

function known(target: Pick<KubeObject, "apiVersion" | "kind">): ResourceType | undefined {
  try {
    return typeOf(target);
  } catch {
    return undefined;
  }
}

/** The target's revision before the release. */
export function firstImage({ target: { metadata, spec } }: Scenario): string {
  return spec?.template === undefined ? selectedImage(metadata.name, spec) : imageOf(spec.template);
}

export interface Names {
  readonly namespace: string;
  readonly target: string;
  readonly service: string;
}

export function namesOf({ canary, target }: Scenario): Names {
  return {
    namespace: canary.metadata.namespace ?? "default",
    target: target.metadata.name,
    service: canary.spec?.service?.name ?? target.metadata.name,
  };
}

export interface Refs {
  readonly canary: ObjectRef;
  readonly target: ObjectRef;
  /** The target itself where it keeps its revisions, and names the one that is the primary. */
  readonly primary: ObjectRef;
  readonly routes: ObjectRef;
}

export function refsOf(scenario: Scenario, { type, primaryName, ownRoutes }: TargetKind): Refs {
  const { namespace, target, service } = namesOf(scenario);
  return {
    canary: { type: RESOURCES.canary, namespace, name: scenario.canary.metadata.name },
    target: { type, namespace, name: target },
    primary: { type, namespace, name: primaryName(target) },
    routes: ownRoutes
      ? { type, namespace, name: target }
      : { type: meshOf(scenario.canary.spec?.provider).type, namespace, name: service },
  };
}
