/** The API servers that the suite asks: over HTTP with the operator's own client, or in memory. */
import { fixedCredentials } from "../../src/kube/access.ts";
import { createKubeClient } from "../../src/kube/client.ts";
import { createTransport, type KubeTransport } from "../../src/kube/transport.ts";
import { createDispatcher } from "../../src/net/dispatcher.ts";
import { collectionPath } from "../../src/ports/kubernetes.ts";
import { type Api, type Change, createApi } from "../../src/simulate/api.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import type { OpenWatch, Subject, WatchLine } from "./subject.ts";

const NOT_ABORTED = new AbortController().signal;

export interface Address {
  readonly url: string;
  /** PEM text of the authority; absent over plain HTTP. */
  readonly ca?: string;
  readonly token?: string;
}

export function transportTo({ url, ca, token }: Address): KubeTransport {
  const credentials = fixedCredentials(token === undefined ? {} : { authorization: `Bearer ${token}` });
  return createTransport({
    connect: createDispatcher,
    access: { server: url, namespace: "", tls: ca === undefined ? {} : { ca }, credentials, source: "test" },
    ...{ clock: systemClock, random: Math.random, qps: 0, burst: 1, userAgent: "test" },
  });
}

/** @param tooOld makes earlier versions too old, where the server has to be told, and names one of them */
export function overHttp(transport: Pick<KubeTransport, "send" | "stream">, tooOld = () => "1"): Subject {
  const kube = createKubeClient(transport, "test");
  return {
    create: (type, object) => kube.create(type, object, NOT_ABORTED),
    get: (ref) => kube.get(ref, NOT_ABORTED),
    replace: (type, object) => kube.replace(type, object, {}, NOT_ABORTED),
    mergePatch: (ref, patch, options) => kube.mergePatch(ref, patch, options, NOT_ABORTED),
    delete: (ref, options) => kube.delete(ref, options, NOT_ABORTED),
    async list(type, namespace, query) {
      const path = collectionPath(type, namespace);
      const { metadata, items } = await transport.send({ method: "GET", path, query: { ...query } }, NOT_ABORTED);
      const next = metadata.continue === undefined ? {} : { next: metadata.continue };
      return { items, resourceVersion: metadata.resourceVersion, ...next };
    },
    async watch(type, namespace, query) {
      const stop = new AbortController();
      const path = collectionPath(type, namespace);
      const lines = await transport.stream({ path, query: { watch: "true", ...query } }, stop.signal);
      const iterator = lines[Symbol.asyncIterator]();
      return {
        next: async () => (await iterator.next()).value,
        close: () => stop.abort(new Error("the case is over")),
      };
    },
    tooOld,
  };
}

const TYPES = { added: "ADDED", modified: "MODIFIED", deleted: "DELETED" } as const;

/** The simulated API server: its clients are in the same process, and it remembers no past. */
export function simulated(): Subject {
  const api = createApi(Date.now);
  return {
    create: async (type, object) => api.create(type, object, "operator"),
    get: async (ref) => api.get(ref),
    replace: () => Promise.reject(new Error("the simulated API server replaces nothing")),
    mergePatch: async (ref, patch, options) => api.patch(ref, patch, options, "operator"),
    async delete(ref) {
      const was = api.get(ref) !== undefined;
      api.delete(ref, "operator");
      return was;
    },
    async list(type, namespace) {
      const items = api.list(type).filter(({ metadata }) => namespace === "" || metadata.namespace === namespace);
      return { items, resourceVersion: String(api.version) };
    },
    watch: async (type, namespace) =>
      watching(api, (change) => change.kind === type && change.object.metadata.namespace === namespace),
    tooOld: () => "0",
  };
}

function watching(api: Api, isWanted: (change: Change) => boolean): OpenWatch {
  const lines: WatchLine[] = [];
  const stop = api.onChange((change) => {
    if (isWanted(change)) lines.push({ type: TYPES[change.type], object: change.object });
  });
  return { next: async () => lines.shift(), close: stop };
}
