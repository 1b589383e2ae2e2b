/**
 * The operator's own way to the API server (caches, writer), as a ServiceAccount whose role a test chooses. The API
 * server is the sandbox's, which enforces RBAC.
 */
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import type { Canary } from "../../src/core/status/canary.ts";
import { fixedCredentials } from "../../src/kube/access.ts";
import { boundsFor, createLedger } from "../../src/kube/ledger.ts";
import { createTransport } from "../../src/kube/transport.ts";
import { createDispatcher } from "../../src/net/dispatcher.ts";
import type { ClusterViewPorts } from "../../src/operator/cluster/cluster-view.ts";
import { createFreshSnapshot, type FreshSnapshot } from "../../src/operator/cluster/read-your-writes.ts";
import { createRemover, createWriter, typeOf } from "../../src/operator/cluster/write.ts";
import { createFollower } from "../../src/operator/engine/follow.ts";
import { connectClusters } from "../../src/operator/process/clusters.ts";
import type { KubeReader, ObjectCache } from "../../src/ports/kube.ts";
import {
  clusterScoped,
  type KubeFields,
  type KubeObject,
  type ObjectRef,
  RESOURCES,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import { SILENT_LOG } from "../../src/ports/log.ts";
import type { Rule } from "../../src/ports/rights.ts";
import type { RouterKind } from "../../src/ports/router.ts";
import { systemClock } from "../../src/time/system-clock.ts";

/** Far more than the tests store. */
const ROOMY = createLedger(boundsFor(2 ** 30));
const GROUP = "rbac.authorization.k8s.io";
const ROLE = clusterScoped(GROUP, "v1", "ClusterRole", "clusterroles");
const BINDING = clusterScoped(GROUP, "v1", "ClusterRoleBinding", "clusterrolebindings");
const [NAMESPACE, ACCOUNT] = ["test", "flagger"];

/** One API group, resource and verb: the smallest thing that a rule grants. */
export interface Grain {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

export const grainsOf = (rules: readonly Rule[]): readonly Grain[] =>
  rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb): Grain => ({ group, resource, verb }))),
    ),
  );

export const textOf = ({ group, resource, verb }: Grain): string =>
  `${verb} ${resource}${group === "" ? "" : `.${group}`}`;

/** What the role grants, without one grain. */
export const without = (rules: readonly Rule[], left: Grain | undefined): readonly Rule[] =>
  grainsOf(rules)
    .filter((grain) => left === undefined || textOf(grain) !== textOf(left))
    .map(({ group, resource, verb }) => ({ apiGroups: [group], resources: [resource], verbs: [verb] }));

/** What a piece of work has to hand. */
export interface Desk {
  readonly snapshot: FreshSnapshot;
  /** Resolves when the objects can be read. @throws ReadFailure */
  follow(canary: Canary, refs: readonly ObjectRef[]): Promise<void>;
  /** @throws WriteFailure */
  write(canary: Canary, objects: readonly KubeObject[]): Promise<void>;
  /** The parts of the shell, for work that needs them as they are. */
  readonly shell: Pick<ClusterViewPorts, "snapshot" | "follow" | "write" | "remove">;
  /** Reads from the API server, past the caches. */
  readonly list: KubeReader["list"];
  readonly signal: AbortSignal;
  /** Another person changes an object; resolves when the caches show it. */
  edit(object: KubeObject, change: (now: KubeObject) => KubeFields): Promise<void>;
  /** Another person empties what was made; resolves when the caches show it. */
  spoil(): Promise<void>;
}

export interface Office {
  readonly server: ApiServer;
  /** Does the work with these rights, in a namespace that holds these objects and no others. */
  work(rules: readonly Rule[], objects: readonly KubeObject[], job: (desk: Desk) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** @param crds of the kinds that are no built-in ones @param kinds what the routers write */
export async function openOffice(crds: readonly KubeObject[], kinds: readonly RouterKind[]): Promise<Office> {
  let address = 0;
  const next = () => {
    address += 1;
    return address;
  };
  const addresses = { service: () => `127.255.0.${next()}`, releaseService: () => undefined };
  const server = await startApiServer({ addresses });
  const { cluster } = server;
  for (const crd of crds) cluster.create(RESOURCES.crd, crd);
  for (const name of [NAMESPACE, "edge"])
    cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const role = {
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRole",
    metadata: { name: ACCOUNT },
    rules: [] as readonly Rule[],
  };
  cluster.create(ROLE, role);
  cluster.create(BINDING, {
    ...{ apiVersion: `${GROUP}/v1`, kind: "ClusterRoleBinding", metadata: { name: ACCOUNT } },
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: ACCOUNT },
    subjects: [{ kind: "ServiceAccount", namespace: NAMESPACE, name: ACCOUNT }],
  });
  const token = server.tokenFor(NAMESPACE, ACCOUNT);
  const typed = (object: KubeObject): ResourceType => typeOf(object, kinds);

  async function work(rules: readonly Rule[], objects: readonly KubeObject[], job: (desk: Desk) => Promise<void>) {
    cluster.update(ROLE, { ...role, rules });
    const made = objects.map((object) => cluster.create(typed(object), complete(object)));
    made.forEach((object, i) => {
      const { status } = objects[i] ?? {};
      if (status !== undefined) cluster.updateStatus(typed(object), { ...object, status });
    });
    const written = new Map<string, KubeObject>();
    const stop = new AbortController();
    const shared = { clock: systemClock, random: Math.random, log: SILENT_LOG };
    const credentials = fixedCredentials({ authorization: `Bearer ${token}` });
    const access = {
      server: server.url,
      namespace: NAMESPACE,
      tls: { ca: server.ca },
      credentials,
      source: "the test",
    };
    const transport = createTransport({
      connect: createDispatcher,
      ...shared,
      access,
      qps: 0,
      burst: 100,
      userAgent: "flagger",
      attempts: 1,
    });
    try {
      const clusters = connectClusters({ ...shared, transport, ledger: ROOMY, namespace: "", signal: stop.signal });
      const follower = createFollower({
        ...{ clock: systemClock, track: clusters.track, wake: () => undefined, onDeleted: () => undefined },
        isOwnWrite: () => false,
      });
      const snapshot = createFreshSnapshot(follower.cached, follower.listed);
      const write = createWriter(clusters.writer, snapshot, kinds);
      const remove = createRemover(clusters.writer, snapshot, kinds);
      const shell: Desk["shell"] = {
        ...{ snapshot, remove },
        async follow(ref, refs, signal) {
          await follower.follow(ref, refs, signal);
          // A watch that is refused is noticed after the list, which was granted.
          await Promise.all(
            refs.map(({ type, namespace }) => settled(clusters.track(type, namespace), grants(rules, type, "watch"))),
          );
          await follower.follow(ref, refs, signal);
        },
        async write(object, ref, signal) {
          written.set(`${object.apiVersion} ${object.kind} ${object.metadata.name}`, object);
          return await write(object, ref, signal);
        },
      };
      const present = (object: KubeObject) =>
        cluster.get(typed(object), object.metadata.namespace ?? "", object.metadata.name);
      const edit: Desk["edit"] = async (object, change) => {
        const now = present(object);
        if (now === undefined) throw new Error(`${object.kind} ${object.metadata.name} is not there`);
        const { resourceVersion } = cluster.update(typed(object), { ...now, ...change(now) }).metadata;
        await seen(clusters.track(typed(object), NAMESPACE), resourceVersion ?? "");
      };
      await job({
        ...{ snapshot, shell, list: clusters.client.list, signal: stop.signal },
        follow: ({ ref }, refs) => shell.follow(ref, refs, stop.signal),
        async write({ ref }, wanted) {
          for (const object of wanted) await shell.write(object, ref, stop.signal);
        },
        edit,
        async spoil() {
          for (const object of written.values()) {
            const now = present(object);
            if (now?.metadata.ownerReferences === undefined || BUILT_IN.has(typed(object).group)) continue;
            await edit(object, () => ({ spec: {} }));
          }
        },
      });
    } finally {
      stop.abort(new Error("the work is done"));
      await transport.close();
      for (const object of [...written.values(), ...objects])
        cluster.remove(typed(object), object.metadata.namespace ?? "", object.metadata.name);
    }
  }
  return { server, work, stop: () => server.stop() };
}

/** Groups of kinds that the API server validates: their specs cannot be emptied. */
const BUILT_IN = new Set(["", "apps", "autoscaling", "networking.k8s.io"]);

/** Specimens leave out what routers do not read, and the API server asks for. */
function complete(object: KubeObject): KubeObject {
  const copy = structuredClone(object);
  const isService = copy.apiVersion === "v1" && copy.kind === "Service";
  return isService ? { ...copy, spec: { ports: [{ name: "http", port: 9898 }], ...copy.spec } } : copy;
}

/** Resolves when the cache has the object of this version. */
function seen(cache: ObjectCache, resourceVersion: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = cache.onChange(({ object }) => {
      if (object.metadata.resourceVersion !== resourceVersion) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

const grants = (rules: readonly Rule[], { group, plural }: ResourceType, verb: string): boolean =>
  grainsOf(rules).some((grain) => grain.group === group && grain.resource === plural && grain.verb === verb);

/** Resolves at once when the watch is granted, else when it has been refused. */
async function settled({ denied }: { readonly denied?: Promise<string> }, isGranted: boolean): Promise<void> {
  if (!isGranted) await denied;
}
