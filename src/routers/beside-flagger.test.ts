/** Aviary's routers write the same objects as the real Flagger for the corpus, except for the departures named here. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { planFor } from "../core/plan/plan.ts";
import { parseSpec } from "../core/spec/parse.ts";
import type { Canary, Routes } from "../core/status/canary.ts";
import { mergePatch } from "../json/merge-patch.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import type { Router } from "../ports/router.ts";
import { aCanary } from "../testing/canary.ts";
import { PARSE_OPTIONS } from "../testing/tables.ts";
import { createToyCluster, type ToyCluster } from "../testing/toy-cluster.ts";
import { CORPUS, goldenFile, note, type RouteCase, type Written } from "./corpus.ts";
import { createRouters } from "./table.ts";

const NONE = { canary: "", primary: "", previous: "" };
const RUN = { canary: "canary-cookie=AbCdEfGhIj", primary: "primary-cookie=KlMnOpQrSt", previous: "" };
const AFTER = { canary: "", primary: RUN.primary, previous: RUN.canary };

function canaryOf(what: RouteCase): Canary {
  const targetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "podinfo" };
  const wire = { targetRef, provider: what.provider, ...what.canary };
  const parsed = parseSpec(wire, "test", PARSE_OPTIONS);
  if (parsed.kind === "invalid") throw new Error(parsed.problem);
  return {
    ...aCanary(),
    spec: parsed.spec,
    ...(what.annotations === undefined ? {} : { annotations: what.annotations }),
  };
}

function routerOf({ provider, flags = [] }: RouteCase): Router {
  const flag = (name: string) => flags.find((text) => text.startsWith(`-${name}=`))?.split("=")[1] ?? "";
  const options = {
    setOwnerRefs: true,
    ingressAnnotationsPrefix: flag("ingress-annotations-prefix"),
    ingressClass: flag("ingress-class"),
  };
  const router = createRouters(options).get(provider);
  if (router === undefined) throw new Error(`no router ${provider}`);
  return router;
}

const service = (name: string, app: string): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "test" } },
  spec: { selector: { app } },
});

/** Writes the objects of a good release: the bootstrap, the steps, and the promotion. */
function ourWriting(what: RouteCase): Written {
  const [router, canary] = [routerOf(what), canaryOf(what)];
  expect(router.problem(canary)).toBeUndefined();
  const services = [service("podinfo-primary", "podinfo-primary"), service("podinfo-canary", "podinfo")];
  const cluster = createToyCluster(mergePatch, ...services, ...(what.objects ?? []));
  const written: Record<string, KubeFields[]> = {};
  const write = (routes: Routes, cookies: typeof NONE) => {
    const told = { ...canary, status: { ...canary.status, cookies } };
    for (const object of router.render(told, routes, cluster)) noteWritten(written, object, cluster);
  };
  const plan = planFor(canary.spec, router.capabilities);
  const toPrimary = { primary: 100, canary: 0, mirror: false };
  write(toPrimary, NONE);
  for (const { routes } of plan.steps) write(routes, routes.canary > 0 ? RUN : NONE);
  for (const weight of plan.promotionWeights) {
    write({ primary: weight, canary: 100 - weight, mirror: false }, weight < 100 ? RUN : AFTER);
  }
  return written;
}

function noteWritten(written: Record<string, KubeFields[]>, object: KubeObject, cluster: ToyCluster): void {
  cluster.apply([object]);
  note(written, cluster.at(object.kind, object.metadata.name));
}

interface Departure {
  readonly why: string;
  readonly of: RegExp;
  /** Turns what Flagger or Aviary wrote into what the other one would have written. */
  readonly theirs?: (object: KubeFields) => void;
  readonly ours?: (object: KubeFields) => void;
}

const DEPARTURES: readonly Departure[] = [
  {
    why: "Q63, R23: the selector label leaks onto mesh objects when service.apex is set",
    of: /./,
    theirs: ({ metadata, kind }) => {
      if (kind === "Ingress" || kind === "ApisixRoute" || metadata.labels === undefined) return;
      delete metadata.labels.app;
      if (Object.keys(metadata.labels).length === 0) delete metadata.labels;
    },
  },
  {
    why: "R10: requests that match nothing go to the primary; with Flagger they find no route",
    of: /^gloo, A\/B/,
    ours: ({ kind, spec }) => {
      if (kind === "RouteTable") spec.routes = spec.routes.slice(0, 1);
    },
  },
  {
    why: "A field that the user's route does not have is not written with Go's empty value",
    of: /^apisix/,
    theirs: ({ spec }) => {
      for (const rule of spec.http) delete rule.websocket;
    },
  },
  {
    why: "R22: a match without a path gets the one that the API server would fill in",
    of: /^gatewayapi/,
    theirs: ({ spec }) => {
      for (const { matches } of spec.rules)
        for (const match of matches) match.path ??= { type: "PathPrefix", value: "/" };
    },
  },
];

function departed(name: string, written: Written, whose: "theirs" | "ours"): Written {
  const changes = DEPARTURES.filter(({ of }) => of.test(name)).map((departure) => departure[whose]);
  const copy: Record<string, KubeFields[]> = structuredClone(written) as Record<string, KubeFields[]>;
  for (const versions of Object.values(copy)) {
    for (const version of versions) for (const change of changes) change?.(version);
    const distinct = versions.filter(
      (version, i) => JSON.stringify(sorted(version)) !== JSON.stringify(sorted(versions[i - 1])),
    );
    versions.splice(0, versions.length, ...distinct);
  }
  return copy;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}

describe("what the real Flagger 1.44 wrote", () => {
  it.each(Object.entries(CORPUS))("%s", (name, what) => {
    const file = goldenFile(name);
    expect(existsSync(file), `${file.pathname}: npm run beside-flagger writes it`).toBe(true);
    const theirs: Written = JSON.parse(readFileSync(file, "utf8"));
    expect(departed(name, ourWriting(what), "ours")).toEqual(departed(name, theirs, "theirs"));
  });
});
