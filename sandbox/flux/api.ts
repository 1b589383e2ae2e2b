/**
 * What the kustomize-controller asks of the API server by HTTP, as the real one does: discovery, apply, read and
 * delete.
 */
import { request as httpsRequest } from "node:https";
import type { KubeObject } from "../../src/ports/kubernetes.ts";

export interface FluxApi {
  /** Server-side apply as `kustomize-controller`. @throws Error with the server's message */
  apply(object: KubeObject): Promise<KubeObject>;
  read(ref: ObjectId): Promise<KubeObject | undefined>;
  remove(ref: ObjectId): Promise<void>;
}

/** Names one object as Flux's inventory does. */
export interface ObjectId {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ApiAccess {
  /** https://host:port */
  readonly url: string;
  readonly token: string;
  /** PEM */
  readonly ca: string;
}

interface Answer {
  readonly status: number;
  readonly body: KubeObject & { readonly message?: string };
}

const MANAGER = "kustomize-controller";

export function createFluxApi(access: ApiAccess): FluxApi {
  const known = new Map<string, { readonly plural: string; readonly namespaced: boolean }>();

  async function pathOf({ apiVersion, kind, namespace, name }: ObjectId): Promise<string> {
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const key = `${apiVersion} ${kind}`;
    if (!known.has(key)) {
      const { status, body } = await send(access, "GET", base);
      const resources: { kind: string; name: string; namespaced: boolean }[] = status === 200 ? body["resources"] : [];
      for (const found of resources) {
        if (!found.name.includes("/"))
          known.set(`${apiVersion} ${found.kind}`, { plural: found.name, namespaced: found.namespaced });
      }
    }
    const type = known.get(key);
    if (type === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
    const scope = type.namespaced ? `/namespaces/${namespace === "" ? "default" : namespace}` : "";
    return `${base}${scope}/${type.plural}/${name}`;
  }

  return {
    apply: async (object) => {
      const path = await pathOf(idOf(object));
      const { status, body } = await send(access, "PATCH", `${path}?fieldManager=${MANAGER}&force=true`, object);
      if (status >= 300) throw new Error(body.message ?? `the API server answered ${status}`);
      return body;
    },
    read: async (ref) => {
      const { status, body } = await send(access, "GET", await pathOf(ref));
      if (status === 404) return undefined;
      if (status >= 300) throw new Error(body.message ?? `the API server answered ${status}`);
      return body;
    },
    remove: async (ref) => {
      const { status, body } = await send(access, "DELETE", await pathOf(ref));
      if (status >= 300 && status !== 404) throw new Error(body.message ?? `the API server answered ${status}`);
    },
  };
}

export const idOf = ({ apiVersion, kind, metadata }: KubeObject): ObjectId => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? "",
  name: metadata.name,
});

function send({ url, token, ca }: ApiAccess, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/apply-patch+yaml",
      "user-agent": MANAGER,
    };
    const request = httpsRequest(new URL(path, url), { method, ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
        } catch {
          resolve({ status: response.statusCode ?? 0, body: { message: text.slice(0, 200) } as Answer["body"] });
        }
      });
    });
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
