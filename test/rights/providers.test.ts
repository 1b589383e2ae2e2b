/**
 * Each provider works with exactly the rules of src/operator/rights.ts. Without any one of them the work fails, and the
 * message names the verb, the resource, and what to do.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Canary, Routes } from "../../src/core/status/canary.ts";
import { rightsOf } from "../../src/operator/rights.ts";
import { type ObjectRef, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Rule } from "../../src/ports/rights.ts";
import type { Router } from "../../src/ports/router.ts";
import type { Snapshot } from "../../src/ports/snapshot.ts";
import type { Specimen } from "../../src/routers/specimen.ts";
import { SPECIMENS } from "../../src/routers/specimens.ts";
import { aCanary } from "../../src/testing/canary.ts";
import { TABLES } from "../../src/testing/tables.ts";
import { createKnativeWorkload } from "../../src/workloads/knative/knative.ts";
import { openCrd, openCrds, type Provider } from "../e2e/harness/provider-crds.ts";
import { type Desk, grainsOf, type Office, openOffice, textOf, without } from "./office.ts";

const { routers: ROUTERS } = TABLES;
const { providers, common } = rightsOf(TABLES);
const COOKIES = { canary: "canary-cookie=AbCdEfGhIj", primary: "primary-cookie=KlMnOpQrSt", previous: "" };

const split = (canary: number): Routes => ({ primary: 100 - canary, canary, mirror: false });

/** A Knative Service is as ready as its revisions, which the rules of its provider let the operator see. */
function targetInputs(canary: Canary, snapshot: Snapshot): readonly ObjectRef[] {
  const workload = createKnativeWorkload();
  return workload.matches(canary.spec.targetRef) ? workload.inputs(canary, snapshot) : [];
}

/** A run as the router sees it: all to the primary, a step, back, and the end of the Canary. */
function run(router: Router, { parts, switches }: Specimen) {
  const bare = aCanary(parts);
  const canary = { ...bare, status: { ...bare.status, cookies: COOKIES } };
  return async ({ follow, write, spoil, snapshot }: Desk) => {
    await follow(canary, router.inputs(canary));
    await follow(canary, [...router.inputs(canary), ...targetInputs(canary, snapshot)]);
    await write(canary, router.prepare?.(canary, snapshot) ?? []);
    for (const weight of [0, switches === true ? 100 : 30, 0])
      await write(canary, router.render(canary, split(weight), snapshot));
    await spoil();
    await write(canary, router.render(canary, split(0), snapshot));
    router.read(canary, snapshot);
    await write(canary, router.handBack(canary, snapshot));
  };
}

describe.each([...ROUTERS])("provider %s", (name, router) => {
  const rules: readonly Rule[] = providers[name] ?? [];
  const own = SPECIMENS.filter((specimen) => specimen.router === name);
  let office: Office;

  beforeAll(async () => {
    const revisions = name === "knative" ? [openCrd(RESOURCES.knativeRevision)] : [];
    office = await openOffice([...openCrds(name as Provider), ...revisions], router.kinds);
  });
  afterAll(() => office.stop());

  it("works with its rules", async () => {
    for (const specimen of own) await office.work([...common, ...rules], specimen.world, run(router, specimen));
  });

  it.each(grainsOf(rules).map((grain) => [textOf(grain), grain] as const))("needs %s, and says so", async (_, left) => {
    const said: string[] = [];
    for (const specimen of own) {
      const failure = await office
        .work(without([...common, ...rules], left), specimen.world, run(router, specimen))
        .then(
          () => undefined,
          (error: Error) => error.message,
        );
      if (failure === undefined) continue;
      said.push(failure);
      break;
    }
    const { verb, resource, group } = left;
    const kind = `${resource}${group === "" ? "" : `.${group}`}`;
    expect(said.length, "no work needs it").toBeGreaterThan(0);
    for (const message of said) {
      expect(message).toContain(`cannot ${verb} resource "${resource}"`);
      expect(message).toMatch(/grant the operator's role the verbs? /);
      expect(message).toMatch(new RegExp(`\\b${verb}\\b[a-z ,]* on ${kind.replaceAll(".", "\\.")}$`));
    }
  });
});
