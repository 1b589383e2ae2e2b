/**
 * The status of a route names a namespace without sidecars. On a real API server a route may be seen before its
 * namespace.
 */
import { expect, it } from "vitest";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { claimAddressBlock } from "../addresses.ts";
import { createStore } from "../api-server/store.ts";
import type { Cluster } from "../cluster.ts";
import { istioCrds } from "../crds/istio.ts";
import { startMesh } from "./index.ts";

const { namespace, virtualService, event, crd } = RESOURCES;

it.each([
  [true, ["plain"]],
  [false, []],
])("a mesh that sees namespaces (%s) says which have no sidecars: %j", async (seesNamespaces, expected) => {
  const addresses = await claimAddressBlock();
  const store = createStore({ addresses });
  for (const each of istioCrds()) store.create(crd, each);
  store.create(namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "plain" } });
  const get: Cluster["get"] = (type, place, name) =>
    type === namespace && !seesNamespaces ? undefined : store.get(type, place, name);
  const mesh = await startMesh({ ...store, get }, { addresses });
  try {
    const metadata = { name: "web", namespace: "plain" };
    const spec = { hosts: ["web"], http: [{ route: [{ destination: { host: "web" } }] }] };
    store.create(virtualService, { apiVersion: "networking.istio.io/v1beta1", kind: "VirtualService", metadata, spec });
    await new Promise((resolve) => setImmediate(resolve));
    const said = store.list(event).filter((each) => each["reason"] === "NoSidecars");
    expect(said.map(({ metadata: { namespace: place } }) => place)).toEqual(expected);
  } finally {
    await mesh.stop();
    await addresses.release();
  }
});
