/**
 * Every provider, left in the middle of a run: another one is named, and what the former router wrote must lead no
 * user to the canary any more, and go with the Canary.
 */
import { describe, expect, it } from "vitest";
import { ALL_TO_PRIMARY } from "../../core/plan/steps.ts";
import { namesOf } from "../../core/run/names.ts";
import type { Canary, Routes } from "../../core/status/canary.ts";
import { mergePatch } from "../../json/merge-patch.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { CORPUS } from "../../routers/corpus.ts";
import { SPECIMENS } from "../../routers/specimens.ts";
import { createRouters } from "../../routers/table.ts";
import { aCanary } from "../../testing/canary.ts";
import { createToyCluster, type ToyCluster } from "../../testing/toy-cluster.ts";
import type { AdapterTables } from "../adapters.ts";
import { formerOf, isLeft } from "./former.ts";

const ROUTERS = createRouters({ setOwnerRefs: true });
/** Only the routers and the autoscalers are looked at. */
const TABLES = { routers: ROUTERS, autoscalers: [] } as unknown as AdapterTables;

/** Of Kuma and Knative: a TrafficRoute lives in no namespace, a Knative Service is the target itself. */
const NOT_OWNED = ["TrafficRoute", "Service"];

interface Row {
  readonly name: string;
  readonly provider: string;
  readonly before: Canary;
  readonly world: readonly KubeObject[];
  readonly routes: Routes;
}

function row(name: string, provider: string, before: Canary, world: readonly KubeObject[]): readonly Row[] {
  const router = ROUTERS.get(provider);
  if (router === undefined || router.problem(before) !== undefined || !router.capabilities.weights) return [];
  const switches = before.spec.strategy === "ab-testing";
  const routes = { primary: switches ? 0 : 70, canary: switches ? 100 : 30, mirror: false };
  return [{ name, provider, before, world, routes }];
}

const ROWS: readonly Row[] = [
  ...Object.entries(CORPUS).flatMap(([name, { provider, canary, objects = [], annotations }]) => {
    const { analysis, service, ...spec } = canary;
    const before = aCanary({ analysis, service, spec: { ...spec, provider } });
    return row(name, provider, { ...before, annotations: annotations ?? {} }, objects);
  }),
  ...SPECIMENS.flatMap(({ router, what, parts, world }) =>
    row(`${router}, ${what}`, router, aCanary({ ...parts, spec: { provider: router, ...parts.spec } }), world),
  ),
];

/** As the operator leaves it, until nothing is left to write. */
function leave(canary: Canary, cluster: ToyCluster): void {
  const former = formerOf(canary, TABLES);
  if (former === undefined) throw new Error("nothing was left behind");
  for (let turn = 0; turn < 3 && !isLeft(former, cluster); turn += 1) {
    const objects = former.router?.render({ ...former.canary, status: canary.status }, ALL_TO_PRIMARY, cluster) ?? [];
    cluster.apply(objects);
  }
  expect(isLeft(former, cluster)).toBe(true);
}

/** The Canary as its owner edits it: other provider, and nothing of the fields of the one before. */
function edited({ before }: Row): Canary {
  const provider = before.spec.provider === "istio" ? "linkerd" : "istio";
  const { ingressRef: _ingress, routeRef: _route, upstreamRef: _upstream, ...spec } = before.spec;
  const { routeName: _name, routeKind: _kind, ...raw } = spec.service.raw;
  const service = { ...spec.service, raw };
  const status = { ...before.status, phase: "Progressing", names: namesOf(before.spec) };
  return { ...before, spec: { ...spec, provider, ownProvider: provider, service }, status } as Canary;
}

describe("a provider that is edited in the middle of a run", () => {
  it("has a row for every provider that splits", () => {
    const splitting = [...ROUTERS.values()].filter(({ capabilities }) => capabilities.weights);
    expect(new Set(ROWS.map(({ provider }) => provider))).toEqual(new Set(splitting.map(({ name }) => name)));
  });

  it.each(ROWS)("$name: no user is led to the canary by the former provider", (row) => {
    const router = ROUTERS.get(row.provider);
    const cluster = createToyCluster(mergePatch, ...row.world);
    cluster.apply(router?.render(row.before, row.routes, cluster) ?? []);
    expect(router?.read(row.before, cluster)).toEqual(row.routes);
    leave(edited(row), cluster);
    expect(router?.read(row.before, cluster)).toEqual({ primary: 100, canary: 0, mirror: false });
  });

  it.each(ROWS)("$name: what was made goes with the Canary, and objects of others are owned by no Canary", (row) => {
    const router = ROUTERS.get(row.provider);
    const cluster = createToyCluster(mergePatch, ...row.world);
    const theirs = new Set(cluster.names());
    cluster.apply(router?.render(row.before, row.routes, cluster) ?? []);
    leave(edited(row), cluster);
    for (const name of cluster.names()) {
      const [kind = "", object = ""] = name.split("/");
      const owners = cluster.at(kind, object).metadata.ownerReferences ?? [];
      if (theirs.has(name) || NOT_OWNED.includes(kind)) expect(owners, name).toEqual([]);
      else expect(owners, name).toMatchObject([{ kind: "Canary", controller: true }]);
    }
  });
});
