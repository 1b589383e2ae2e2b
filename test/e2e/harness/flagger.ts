/** A Canary and its objects as Flagger 1.44 leaves them, at some moment of a rollout. */
import { randomUUID } from "node:crypto";
import { crds } from "../../../src/crd/index.ts";
import { hashPodTemplate } from "../../../src/go/hash/hash.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { canary, podinfo } from "./objects.ts";
import type { World } from "./world.ts";

/** Where it is left: a cluster whose objects can be waited for. */
export interface Place extends Pick<World, "cluster" | "until"> {
  /** "test" when absent. */
  readonly namespace?: string;
}

export interface Left {
  readonly phase: string;
  /** Of podinfo in the target and in the primary. */
  readonly target: string;
  readonly primary: string;
  /** Canary weight of the routes; 0 when absent. */
  readonly weight?: number;
  /** Merged over the hashes and counters that Flagger would have written. */
  readonly status?: KubeFields;
  readonly analysis?: KubeFields;
  readonly spec?: KubeFields;
  /** A prefix of the hashes, as another release of Flagger would write them. */
  readonly otherHashes?: boolean;
  /** The target and its Canary; those of objects.ts when absent. */
  readonly manifests?: {
    readonly target: (version: string, replicas: number) => KubeObject;
    readonly canary: KubeObject;
  };
  /** Host names and gateways of the routes; those inside the mesh when absent. */
  readonly routes?: KubeFields;
}

const FLUX = {
  "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
  "helm.toolkit.fluxcd.io/driftDetection": "disabled",
};
const RUNNING = new Set(["Progressing", "WaitingPromotion", "Promoting", "Finalising"]);

/** Of data {"color":"red"}, by the contract's vectors. */
const CHECKSUM = "241889ca0604e333";

/** The target of the fixtures: podinfo with a ConfigMap. */
export function configured(version: string, replicas = 0): KubeObject {
  const target = podinfo("podinfo", version, { replicas });
  target.spec.template.spec.containers[0].envFrom = [{ configMapRef: { name: "settings" } }];
  return target;
}

export function settings(color = "red", namespace = "test"): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace }, data: { color } };
}

/** The CRDs that Flagger ships: they do not have `status.aviary`, so the API server prunes it. */
export function flaggerCrds(): readonly KubeObject[] {
  return (crds() as readonly KubeObject[]).map((crd) => {
    const copy = structuredClone(crd);
    for (const version of copy.spec.versions)
      delete version.schema.openAPIV3Schema.properties.status?.properties?.aviary;
    return copy;
  });
}

/** Creates all objects, waits until the pods run, and writes the Canary's status last. */
export async function leftByFlagger(place: Place, left: Left): Promise<KubeObject> {
  const { cluster, namespace = "test" } = place;
  const { manifests = { target: configured, canary: canary("podinfo", left.analysis, left.spec) } } = left;
  const name = "podinfo";
  const running = RUNNING.has(left.phase);
  const own = cluster.create(RESOURCES.canary, manifests.canary);
  const owned = {
    namespace,
    ownerReferences: [
      {
        apiVersion: "flagger.app/v1beta1",
        kind: "Canary",
        name,
        uid: own.metadata.uid ?? "",
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
  cluster.create(RESOURCES.configMap, settings("red", namespace));
  cluster.create(RESOURCES.configMap, {
    ...settings("red", namespace),
    metadata: { ...owned, name: "settings-primary" },
  });
  const target = cluster.create(RESOURCES.deployment, manifests.target(left.target, running ? 1 : 0));
  cluster.create(RESOURCES.deployment, primaryOf(manifests.target(left.primary, 1), owned));
  for (const [service, app] of [
    ["podinfo", "podinfo-primary"],
    ["podinfo-primary", "podinfo-primary"],
    ["podinfo-canary", "podinfo"],
  ] as const) {
    cluster.create(RESOURCES.service, serviceOf(service, app, owned));
  }
  for (const host of ["podinfo-canary", "podinfo-primary"]) {
    const metadata = { ...owned, name: host };
    const kind = { apiVersion: "networking.istio.io/v1beta1", kind: "DestinationRule" };
    cluster.create(RESOURCES.destinationRule, { ...kind, metadata, spec: { host } });
  }
  cluster.create(RESOURCES.virtualService, routesOf(left, owned));
  const ready = ({ status, metadata }: KubeObject) =>
    status?.observedGeneration === metadata.generation && status?.availableReplicas === 1;
  await place.until(RESOURCES.deployment, "podinfo-primary", "is up", ready);
  if (running) await place.until(RESOURCES.deployment, name, "is up", ready);
  return cluster.updateStatus(RESOURCES.canary, { ...own, status: statusOf(left, target) });
}

function statusOf(left: Left, target: KubeObject): KubeFields {
  const salt = left.otherHashes === true ? "4" : "";
  const hashOf = (version: string) => {
    const { template } = structuredClone(target.spec);
    const [container] = template.spec.containers;
    container.image = container.image.replace(/[^:]+$/, version);
    return `${hashPodTemplate(template)}${salt}`;
  };
  const time = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const promoted = left.phase === "Initialized" || left.phase === "Succeeded";
  return {
    phase: left.phase,
    failedChecks: 0,
    canaryWeight: left.weight ?? 0,
    iterations: 0,
    trackedConfigs: { "configmap/settings": CHECKSUM },
    lastAppliedSpec: hashOf(left.target),
    lastPromotedSpec: hashOf(left.primary),
    lastTransitionTime: time,
    conditions: [
      {
        type: "Promoted",
        status: promoted ? "True" : left.phase === "Failed" ? "False" : "Unknown",
        reason: left.phase,
        message: "as Flagger says it",
        lastUpdateTime: time,
        lastTransitionTime: time,
      },
    ],
    ...left.status,
  };
}

function primaryOf(target: KubeObject, owned: KubeFields): KubeObject {
  const { spec, ...copy } = target;
  spec.template.spec.containers[0].envFrom = [{ configMapRef: { name: "settings-primary" } }];
  const labels = { app: "podinfo-primary" };
  return {
    ...copy,
    metadata: { ...owned, name: "podinfo-primary", labels },
    spec: {
      ...spec,
      selector: { matchLabels: labels },
      template: {
        ...spec.template,
        // Go writes the null.
        metadata: {
          labels,
          annotations: { ...spec.template.metadata.annotations, "flagger-id": randomUUID() },
          creationTimestamp: null,
        },
      },
    },
  };
}

function serviceOf(name: string, app: string, owned: KubeFields): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...owned, name, labels: { app: name }, annotations: FLUX },
    spec: {
      type: "ClusterIP",
      selector: { app },
      ports: [{ name: "http", protocol: "TCP", port: 9898, targetPort: 9898 }],
    },
  };
}

function routesOf({ weight = 0, routes = {} }: Left, owned: KubeFields): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "VirtualService",
    metadata: { ...owned, name: "podinfo", annotations: FLUX },
    spec: {
      hosts: ["podinfo"],
      gateways: ["mesh"],
      ...routes,
      http: [
        {
          route: [
            { destination: { host: "podinfo-primary" }, weight: 100 - weight },
            { destination: { host: "podinfo-canary" }, weight },
          ],
        },
      ],
    },
  };
}
