/** What is simulated, as plain JSON: the Canary, how each release behaves, the traffic, and what people do meanwhile. */
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import type { Curve } from "./curve.ts";

/** How the pods of one image behave. */
export interface Behaviour {
  /** Percent of the requests that fail, by time since the pods of this image first ran, or by weight. */
  readonly errorRate: Curve;
  /** As `errorRate`, but of what the primary answers; absent: the same. */
  readonly errorRateAsPrimary?: Curve;
  /** 99th percentile, milliseconds. */
  readonly latencyMs: Curve;
  /** From the start of a pod until it can serve. */
  readonly readyAfterMs: number;
  /** `start`: never gets ready. A number: every pod goes down so many milliseconds after it got ready, again and again. */
  readonly crash?: "start" | number;
  /** As `crash`, but only in the primary: what was tested well may still fail when it takes over. */
  readonly crashAsPrimary?: "start" | number;
}

export const HEALTHY: Behaviour = { errorRate: 0, latencyMs: 80, readyAfterMs: 2_000 };

/** What a webhook does, by its name. */
export type HookBehaviour =
  | { readonly kind: "passes" | "fails" | "hangs" }
  /** After as long as is allowed. */
  | { readonly kind: "passes-late" }
  /** Refuses until so long after the release, then passes. */
  | { readonly kind: "opens"; readonly afterMs: number }
  /** The first so many calls fail. */
  | { readonly kind: "fails-first"; readonly calls: number };

/** What somebody does in the middle; `afterMs` counts from the release. */
export type UserAction = { readonly afterMs: number } & (
  | { readonly kind: "release"; readonly image: string }
  | { readonly kind: "scale-primary" | "scale-target"; readonly replicas: number }
  /** Merged into the Canary's spec. */
  | { readonly kind: "edit-canary"; readonly spec: KubeFields }
  | { readonly kind: "delete-canary" | "delete-target" | "delete-routes" | "edit-routes" | "delete-primary" }
  | { readonly kind: "restore-target" | "delete-scaler" }
  /** The target refers to its ConfigMap no more, or to one of another name, as kustomize's configMapGenerator makes it. */
  | { readonly kind: "drop-config" }
  | { readonly kind: "rename-config"; readonly value: string }
  | { readonly kind: "edit-config" | "edit-secret"; readonly value: string }
  /** Of the target's autoscaler. */
  | { readonly kind: "edit-scaler"; readonly max: number }
  /** A node goes away and takes one pod, or all of them, along. */
  | { readonly kind: "lose-pods"; readonly of: "target" | "primary"; readonly all: boolean }
);

export interface Scenario {
  readonly canary: KubeObject;
  /** The target as it is before the release. */
  readonly target: KubeObject;
  /** Whatever else is in the cluster. */
  readonly objects: readonly KubeObject[];
  /** The image that is released once the Canary is initialised. */
  readonly image: string;
  /** Released as soon as the Canary begins to initialise, instead of when it has. */
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
  /** The simulation ends so long after the last thing that anybody did. */
  readonly patienceMs: number;
  /** Of the cluster; two when absent. A DaemonSet has a pod on each. */
  readonly nodes?: number;
  /** From the writing of routes until proxies follow them. */
  readonly meshLagMs: number;
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

/** The image of the first container: what is released is told by it. */
export function imageOf(template: KubeFields): string {
  return template?.spec?.containers?.[0]?.image ?? "";
}

/** "ghcr.io/stefanprodan/podinfo:6.0.1" -> "6.0.1" */
export function versionOf(image: string): string {
  const slash = image.lastIndexOf("/");
  const colon = image.indexOf(":", slash + 1);
  return colon === -1 ? image.slice(slash + 1) : image.slice(colon + 1);
}
