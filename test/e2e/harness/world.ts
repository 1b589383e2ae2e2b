/**
 * A small cluster around the operator: the sandbox's API server, controllers and kubelet with podinfo in its pods. The
 * operator runs in this process, or in a separate process where it must be killed. No mesh: routes are only objects.
 */

import { claimAddressBlock } from "../../../sandbox/addresses.ts";
import { type ApiRequest, type ApiServer, startApiServer } from "../../../sandbox/api-server/index.ts";
import { podinfo } from "../../../sandbox/apps/podinfo/index.ts";
import type { Cluster } from "../../../sandbox/cluster.ts";
import { startControllers } from "../../../sandbox/controllers/index.ts";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { startKubelet } from "../../../sandbox/kubelet/index.ts";
import { crds } from "../../../src/crd/index.ts";
import { type KubeObject, RESOURCES, type ResourceType } from "../../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { NAMESPACE, typeOf } from "./objects.ts";
import { type Operator, type OperatorSettings, startOperator } from "./operator.ts";

export interface WorldOptions {
  /** Aviary's and Istio's when absent. */
  readonly crds?: readonly KubeObject[];
}

export interface World {
  readonly cluster: Cluster;
  readonly kubeconfig: string;
  readonly url: string;
  /** Every request to the API server since its start, or since `forgetRequests`. */
  requests(): readonly ApiRequest[];
  forgetRequests(): void;
  /** Ends with the world. Resolves when the operator works. */
  operator(flags?: readonly string[], settings?: OperatorSettings): Promise<Operator>;
  /** Creates objects, or replaces everything but the status. */
  apply(...objects: readonly KubeObject[]): void;
  /** Changes an object as a user would with `kubectl edit`. */
  edit(type: ResourceType, name: string, change: (copy: KubeObject) => void): KubeObject;
  get(type: ResourceType, name: string): KubeObject | undefined;
  /** Resolves with the object as soon as it is as described. @throws Error with all events, when it does not come */
  until(type: ResourceType, name: string, what: string, holds: (object: KubeObject) => boolean): Promise<KubeObject>;
  gone(type: ResourceType, name: string): Promise<void>;
  /** Resolves with an event of the Canary, past or future, whose text contains `text`. */
  heard(canary: string, text: string): Promise<string>;
  /** The events of a Canary so far, oldest first: "Normal text", with " x3" when the event has that count. */
  told(canary: string): readonly string[];
  /** The API server stops; `end` starts it again on the same port. Controllers and pods go on meanwhile. */
  outage(): Promise<{ end(): Promise<void> }>;
  stop(): Promise<void>;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const addresses = await claimAddressBlock();
  let requests: ApiRequest[] = [];
  const onRequest = (request: ApiRequest) => void requests.push(request);
  let server: ApiServer = await startApiServer({ addresses, onRequest });
  const { cluster, token, url, kubeconfig } = server;
  for (const crd of options.crds ?? [...crds(), ...istioCrds()]) cluster.create(RESOURCES.crd, crd as KubeObject);
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const report = (message: string) => process.emitWarning(message, "World");
  const controllers = startControllers(cluster, { report });
  const apps = ({ repository }: { readonly repository: string }) => (repository === "podinfo" ? podinfo : undefined);
  const kubelet = startKubelet(cluster, { addresses, apps, report, drainMs: 0 });
  const operators: Operator[] = [];
  let away = false;

  const get = (type: ResourceType, name: string) => cluster.get(type, type.namespaced ? NAMESPACE : "", name);
  const told = (canary: string) => eventsOf(cluster, canary).map(lineOf);

  function waitFor<T>(type: ResourceType, what: string, look: (object: KubeObject, gone: boolean) => T | undefined) {
    return new Promise<T>((resolve, reject) => {
      const fail = () => {
        stop();
        reject(
          new Error(`waited ${PATIENCE_MS / 1000} s, but this did not happen: ${what}\n${sayAll(cluster, operators)}`),
        );
      };
      const timer = setTimeout(fail, PATIENCE_MS);
      const stop = cluster.watch(type, (event) => {
        const found = look(event.object, event.type === "DELETED");
        if (found === undefined) return;
        clearTimeout(timer);
        queueMicrotask(() => stop());
        resolve(found);
      });
    });
  }

  return {
    cluster,
    kubeconfig,
    url,
    requests: () => requests,
    forgetRequests() {
      requests = [];
    },
    async operator(flags = [], settings = {}) {
      const operator = await startOperator(kubeconfig, flags, settings);
      operators.push(operator);
      return operator;
    },
    apply(...objects) {
      for (const object of objects) {
        const type = typeOf(object);
        const seen = get(type, object.metadata.name);
        if (seen === undefined) cluster.create(type, structuredClone(object));
        else cluster.update(type, { ...structuredClone(object), ...keptOf(seen, object) });
      }
    },
    edit(type, name, change) {
      const seen = get(type, name);
      if (seen === undefined) throw new Error(`no ${type.kind} ${name}`);
      const copy = structuredClone(seen);
      change(copy);
      return cluster.update(type, copy);
    },
    get,
    told,
    async until(type, name, what, holds) {
      const isIt = (object: KubeObject, gone: boolean) => !gone && object.metadata.name === name && holds(object);
      return await waitFor(type, `${type.kind} ${name} ${what}`, (o, gone) => (isIt(o, gone) ? o : undefined));
    },
    async gone(type, name) {
      if (get(type, name) === undefined) return;
      await waitFor(
        type,
        `${type.kind} ${name} is gone`,
        ({ metadata }, gone) => (gone && metadata.name === name) || undefined,
      );
    },
    async heard(canary, text) {
      return await waitFor(RESOURCES.event, `"${text}" is announced for ${canary}`, (event, gone) => {
        const message = String(event["message"]);
        return !gone && isAbout(event, canary) && message.includes(text) ? message : undefined;
      });
    },
    async outage() {
      const { port } = new URL(url);
      await server.stop();
      away = true;
      return {
        async end() {
          away = false;
          server = await startApiServer({ addresses, onRequest, token, port: Number(port), resumed: server });
        },
      };
    },
    async stop() {
      await Promise.all(operators.map((operator) => operator.stop()));
      await controllers.stop();
      await kubelet.stop();
      if (!away) await server.stop();
      await addresses.release();
    },
  };
}

/** A user's manifest does not mention replicas, nor the status. */
function keptOf(seen: KubeObject, object: KubeObject): Pick<KubeObject, "metadata"> {
  const { uid, ownerReferences, finalizers } = seen.metadata;
  return {
    metadata: {
      ...object.metadata,
      ...(uid === undefined ? {} : { uid }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
  };
}

function isAbout(event: KubeObject, canary: string): boolean {
  const { kind, name } = event["involvedObject"] ?? {};
  return kind === "Canary" && name === canary;
}

/** Events have times in seconds; the time in their names shows the order of the writes. */
function eventsOf(cluster: Cluster, canary: string): readonly KubeObject[] {
  const serial = ({ metadata }: KubeObject) => BigInt(`0x${metadata.name.split(".").at(-1) ?? "0"}`);
  return cluster
    .list(RESOURCES.event, NAMESPACE)
    .filter((event) => isAbout(event, canary))
    .sort((a, b) => (serial(a) < serial(b) ? -1 : 1));
}

function lineOf(event: KubeObject): string {
  const times = event["count"] > 1 ? ` x${event["count"]}` : "";
  return `${event["type"]} ${event["message"]}${times}`;
}

function sayAll(cluster: Cluster, operators: readonly Operator[]): string {
  const canaries = cluster.list(RESOURCES.canary, NAMESPACE).map(({ metadata, status }) => {
    const lines = eventsOf(cluster, metadata.name).map((event) => `    ${lineOf(event)}`);
    return [`  ${metadata.name} ${JSON.stringify(status)}`, ...lines].join("\n");
  });
  const logs = operators.flatMap(({ lines }) => lines.slice(-15).map((line) => `  ${JSON.stringify(line)}`));
  return [...canaries, ...logs].join("\n");
}
