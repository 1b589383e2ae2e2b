/** A scenario, as plain JSON: the Canary, the behaviour of each release, the traffic, and the actions of people. */
import type { Verb } from "../core/people/steering.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import type { Curve } from "./curve.ts";

/** The behaviour of the pods of one image. */
export interface Behaviour {
  /** Percent of the requests that fail, by time since the pods of this image first ran, or by weight. */
  readonly errorRate: Curve;
  /** As `errorRate`, but for the primary's answers; absent: the same. */
  readonly errorRateAsPrimary?: Curve;
  /** 99th percentile, milliseconds. */
  readonly latencyMs: Curve;
  /** From the start of a pod until it can serve. */
  readonly readyAfterMs: number;
  /**
   * `start`: never gets ready. A number: every pod crashes this many milliseconds after it got ready, again and again.
   */
  readonly crash?: "start" | number;
  /** As `crash`, but only in the primary: a tested revision may still fail when it takes over. */
  readonly crashAsPrimary?: "start" | number;
}

export const HEALTHY: Behaviour = { errorRate: 0, latencyMs: 80, readyAfterMs: 2_000 };

/** The behaviour of a webhook, by its name. */
export type HookBehaviour =
  | { readonly kind: "passes" | "fails" | "hangs" }
  /** Answers after the longest allowed time. */
  | { readonly kind: "passes-late" }
  /** Refuses until this time after the release, then passes. */
  | { readonly kind: "opens"; readonly afterMs: number }
  /** The first n calls fail. */
  | { readonly kind: "fails-first"; readonly calls: number };

/** Objects that a Canary and its target refer to. */
export const REFERENCES = [
  "ConfigMap",
  "Secret",
  "HorizontalPodAutoscaler",
  "ScaledObject",
  "MetricTemplate",
  "AlertProvider",
] as const;
export type Reference = (typeof REFERENCES)[number];

/** An action of a person; `afterMs` counts from the release. */
export type UserAction = { readonly afterMs: number } & (
  | { readonly kind: "release"; readonly image: string }
  | { readonly kind: "scale-primary" | "scale-target"; readonly replicas: number }
  /** Merged into the Canary's spec. */
  | { readonly kind: "edit-canary"; readonly spec: KubeFields }
  | { readonly kind: "delete-canary" | "delete-target" | "delete-routes" | "edit-routes" | "delete-primary" }
  | { readonly kind: "restore-target" | "delete-scaler" }
  /** kubectl rollout pause, or resume, of a Deployment. */
  | { readonly kind: "pause" | "resume"; readonly of: "target" | "primary" }
  /** The target's pods run only on nodes with this label. */
  | { readonly kind: "move-target"; readonly label: string }
  /**
   * The target no longer refers to its ConfigMap, or refers to one of another name, as kustomize's configMapGenerator
   * does.
   */
  | { readonly kind: "drop-config" }
  | { readonly kind: "rename-config"; readonly value: string }
  /** The objects of other owners that stand where the operator wants to make its own. */
  | { readonly kind: "delete-foreign" }
  | { readonly kind: "edit-config" | "edit-secret"; readonly value: string }
  /** Of the target's autoscaler. */
  | { readonly kind: "edit-scaler"; readonly max: number }
  /** A node fails, with one pod or with all of them. `forMs`: no new pod gets ready for so long; absent: at once. */
  | { readonly kind: "lose-pods"; readonly of: "target" | "primary"; readonly all: boolean; readonly forMs?: number }
  /** Objects that the Canary or its target names go, and come back. */
  | { readonly kind: "delete-reference" | "restore-reference"; readonly of: Reference }
  /** The target is deleted and made again, with other labels and the image that is released. */
  | { readonly kind: "relabel-target" }
  /** Releases are frozen; when the time is over, the CanaryFreeze is deleted. */
  | {
      readonly kind: "freeze";
      readonly name: string;
      readonly runs: "finish" | "hold";
      readonly forMs: number;
    }
  /** A person asks the operator for a verb. */
  | ({ readonly kind: "steer" } & Click)
);

/** One click of a person. */
export interface Click {
  readonly verb: Verb;
  readonly by: "alice" | "olga" | "mallory";
  /** stale: the person looks at an old page. twice: the person clicks again at once. */
  readonly how: "fresh" | "stale" | "twice";
  readonly weight?: number;
  readonly step?: number;
  readonly forMs?: number;
  /** undo: a run whose revision the primary keeps from before its last promotion; or one that is not known. */
  readonly run?: "earlier" | "unknown";
}

export interface Scenario {
  readonly canary: KubeObject;
  /** The target as it is before the release. */
  readonly target: KubeObject;
  /** Further objects of the cluster. */
  readonly objects: readonly KubeObject[];
  /** The image that is released once the Canary is initialised. */
  readonly image: string;
  /** Released as soon as the Canary begins to initialise, not when it has finished. */
  readonly impatient: boolean;
  /** By image; absent: healthy. */
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** Requests per second of all users together, over seconds since the release. */
  readonly rps: Curve;
  /** Percent of the requests that an A/B test's match meets. */
  readonly matched: number;
  /** Values of metrics other than the built-in ones, by name. */
  readonly metrics: Readonly<Record<string, Curve>>;
  /** While metric servers have no data; milliseconds since the release. */
  readonly metricGaps: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly hooks: Readonly<Record<string, HookBehaviour>>;
  readonly users: readonly UserAction[];
  /** The simulation ends this long after the last action of a person. */
  readonly patienceMs: number;
  /** Nodes of the cluster; two when absent. A DaemonSet has a pod on each. */
  readonly nodes?: number;
  /** An admission webhook notes each write of an object of the Canary in annotations, also of its pods. */
  readonly stamps?: true;
  /** From the writing of routes until proxies follow them. */
  readonly meshLagMs: number;
  /** The mesh does not follow its weights: on every step the canary gets this percent. Absent: the mesh follows. */
  readonly meshShare?: number;
}

export function behaviourOf({ behaviours }: Scenario, image: string): Behaviour {
  return behaviours[image] ?? HEALTHY;
}

/** @param name of the target */
export function aTarget(name: string, namespace: string, image: string, replicas: number): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      replicas,
      progressDeadlineSeconds: 60,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name, image, ports: [{ name: "http", containerPort: 9898 }] }] },
      },
    },
  };
}

/** The image of the first container, which identifies the release. */
export function imageOf(template: KubeFields): string {
  return template?.spec?.containers?.[0]?.image ?? "";
}

/** "ghcr.io/stefanprodan/podinfo:6.0.1" -> "6.0.1" */
export function versionOf(image: string): string {
  const slash = image.lastIndexOf("/");
  const colon = image.indexOf(":", slash + 1);
  return colon === -1 ? image.slice(slash + 1) : image.slice(colon + 1);
}
