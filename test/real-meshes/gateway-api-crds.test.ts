/**
 * What the Gateway API's own definitions say of the routes that Aviary writes: schemas and CEL rules. MESH_CRDS names
 * the definitions, which are no part of this project.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../sandbox/addresses.ts";
import { startApiServer } from "../../sandbox/api-server/index.ts";
import type { Cluster } from "../../sandbox/cluster.ts";
import { readCrds } from "../../sandbox/crds/files.ts";
import type { Canary, Routes } from "../../src/core/status/canary.ts";
import { mergePatch } from "../../src/json/merge-patch.ts";
import {
  apiVersionOf,
  type KubeFields,
  type KubeObject,
  RESOURCES,
  type ResourceType,
} from "../../src/ports/kubernetes.ts";
import { CORPUS } from "../../src/routers/corpus.ts";
import { SPECIMENS } from "../../src/routers/gatewayapi/specimens.ts";
import { createRouters } from "../../src/routers/table.ts";
import { aCanary } from "../../src/testing/canary.ts";
import { createToyCluster } from "../../src/testing/toy-cluster.ts";
import { CRDS } from "./world.ts";

const ROUTERS = createRouters({ setOwnerRefs: true });
const COOKIES = { canary: "canary-cookie=AbCdEfGhIj", primary: "primary-cookie=KlMnOpQrSt", previous: "" };
const MOMENTS: readonly Routes[] = [
  { primary: 100, canary: 0, mirror: false },
  { primary: 100, canary: 0, mirror: true },
  { primary: 70, canary: 30, mirror: false },
  { primary: 0, canary: 100, mirror: false },
];

interface Row {
  readonly name: string;
  readonly router: string;
  readonly canary: Canary;
  readonly world: readonly KubeObject[];
  readonly mirrors: boolean;
}

/** A prefix can be replaced where one prefix is matched; the corpus has Canaries that Flagger would fail with, too. */
function refusalOf({ spec }: Canary): string | undefined {
  const { rewrite, match, corsPolicy } = spec.service.raw as KubeFields;
  const prefixes = (match ?? [{ uri: { prefix: "/" } }]).filter(({ uri }: KubeFields) => uri?.prefix !== undefined);
  if (rewrite?.type === "ReplacePrefixMatch" && (match?.length !== 1 || prefixes.length !== 1)) {
    return "exactly one PathPrefix match must be specified";
  }
  const origins: readonly string[] = corsPolicy?.allowOrigin ?? [];
  return origins.some((origin) => origin !== "*" && !origin.includes("://")) ? "cors.allowOrigins" : undefined;
}

/** Every field, with values that the definitions take. */
const FITTING = {
  ...{ port: 9898, gatewayRefs: [{ name: "gateway", namespace: "ingress" }], hosts: ["a.example.com"] },
  ...{ timeout: "15s", backendTimeout: "5s" },
  match: [{ uri: { prefix: "/a" }, headers: { a: { exact: "b" } }, queryParams: { q: { regex: ".+" } } }],
  rewrite: { uri: "/", authority: "c.example.com", type: "ReplacePrefixMatch" },
  headers: { request: { add: { a: "b" }, set: { c: "d" }, remove: ["e"] }, response: { add: { f: "g" } } },
  mirror: [{ backendRef: { name: "shadow", port: 80 } }],
  corsPolicy: { allowOrigin: ["https://example.com"], allowMethods: ["GET"], allowCredentials: true, maxAge: "24h" },
};
const AFFINITY = { sessionAffinity: { cookieName: "canary-cookie", primaryCookieName: "primary-cookie" } };
const AB_TEST = { iterations: 3, match: [{ headers: { "x-canary": { exact: "insider" } } }] };

const withCookies = (canary: Canary): Canary => ({ ...canary, status: { ...canary.status, cookies: COOKIES } });

const ROWS: readonly Row[] = [
  ...Object.entries(CORPUS)
    .filter(([, { provider }]) => provider.startsWith("gatewayapi"))
    .map(([name, { provider, canary, objects = [] }]) => {
      const { analysis, service, ...spec } = canary;
      const made = withCookies(aCanary({ analysis, service, spec: { ...spec, provider } }));
      return { name, router: provider, canary: made, world: objects, mirrors: true };
    }),
  ...["gatewayapi:v1", "gatewayapi:v1beta1"].flatMap((router) =>
    [{ stepWeight: 10, maxWeight: 50 }, AFFINITY, AB_TEST].map((analysis, i) => ({
      ...{ name: `${router}, every field, analysis ${i + 1}`, router, world: [], mirrors: true },
      canary: withCookies(aCanary({ analysis, service: FITTING, spec: { provider: router } })),
    })),
  ),
  ...SPECIMENS.map(({ router, what, parts, world, mirrors = true }) => ({
    ...{ name: `${router}, ${what}`, router, world, mirrors },
    canary: withCookies(aCanary({ ...parts, spec: { provider: router, ...parts.spec } })),
  })),
];

if (CRDS.length === 0) {
  it("the Gateway API's definitions are not tried: MESH_CRDS names none", () => {
    process.stdout.write("The Gateway API's definitions were not tried: MESH_CRDS names none.\n");
  });
} else describe("the Gateway API's definitions", tell);

function tell(): void {
  let addresses: AddressBlock;
  let cluster: Cluster;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    addresses = await claimAddressBlock();
    const server = await startApiServer({ addresses });
    ({ cluster } = server);
    stop = () => server.stop();
    for (const crd of readCrds(CRDS).crds) cluster.create(RESOURCES.crd, crd);
    for (const name of ["test", "edge"]) {
      cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    }
  });
  afterAll(async () => {
    await stop();
    await addresses.release();
  });

  it.each(ROWS)("$name: takes every moment of a run as it is written", ({ router: name, canary, world, mirrors }) => {
    const router = ROUTERS.get(name);
    if (router === undefined) throw new Error(`no router ${name}`);
    const seen = createToyCluster(mergePatch, ...world);
    const moments = MOMENTS.filter(({ mirror }) => mirrors || !mirror);
    for (const routes of moments) {
      const written = router.render(canary, routes, seen);
      seen.apply(written);
      for (const object of written) {
        const type = router.kinds.map((kind) => kind.type).find((one) => isOf(one, object));
        if (type === undefined) throw new Error(`${object.kind} is none of the router's kinds`);
        const { namespace = "", name: objectName } = object.metadata;
        const metadata = { name: objectName, namespace };
        cluster.remove(type, namespace, objectName);
        const refusal = object.kind === "HTTPRoute" ? refusalOf(canary) : undefined;
        if (refusal !== undefined) {
          expect(() => cluster.create(type, structuredClone({ ...object, metadata }))).toThrow(refusal);
          continue;
        }
        const stored = cluster.create(type, structuredClone({ ...object, metadata }));
        // What a definition does not know is pruned: all that was written must be there.
        expect(stored.spec).toMatchObject(JSON.parse(JSON.stringify(object.spec)));
      }
    }
  });

  it("refuses what breaks a rule in CEL: a filter twice", () => {
    const header = { type: "RequestHeaderModifier", requestHeaderModifier: { add: [{ name: "a", value: "b" }] } };
    const [type] = ROUTERS.get("gatewayapi:v1")?.kinds ?? [];
    if (type === undefined) throw new Error("no kind");
    const route: KubeObject = {
      ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { namespace: "test", name: "x" } },
      spec: { rules: [{ filters: [header, header], backendRefs: [{ name: "podinfo", port: 80 }] }] },
    };
    expect(() => cluster.create(type.type, route)).toThrow("cannot be repeated");
  });
}

function isOf(type: ResourceType, { apiVersion, kind }: KubeObject): boolean {
  return apiVersionOf(type) === apiVersion && type.kind === kind;
}
