/**
 * What `aviary plan` says of the Canaries that are published with Flagger 1.44, and of Canaries of this project that
 * ask for the same. The published ones are read from a copy of Flagger's repository, and Kubernetes' own API server is
 * asked, too:
 *
 *   FLAGGER_REPO=/path/to/flagger KUBE_APISERVER=/path ETCD=/path npx vitest run test/published
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { planCommand } from "../../src/cli/commands/plan.ts";
import { crds } from "../../src/crd/index.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { ROUTERS } from "../../src/routers/table.ts";
import { aWireCanary } from "../../src/testing/canary.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { type RealServer, startKubeApiServer } from "../chaos/kube-apiserver.ts";
import { OWN } from "./corpus.ts";
import * as published from "./published.ts";
import { FLAGGER_REPO, featuresOf, PUBLISHED, publishedCanaries, type Refusal, type Verdict } from "./published.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-published-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

/** What a person reads, and the exit code; a refusal is the message of `aviary`. */
async function plan(canary: unknown, meshProvider = "istio"): Promise<{ code: number; text: string }> {
  const file = join(FOLDER, "canary.json");
  writeFileSync(file, JSON.stringify(canary));
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const argv = [file, "--mesh-provider", meshProvider];
  try {
    const { signal } = new AbortController();
    const code = await planCommand.run({ argv, out, err: out, env: {}, signal });
    return { code, text };
  } catch (error) {
    return { code: 1, text: String((error as Error).message) };
  }
}

async function expectVerdict(canary: KubeFields, verdict: Verdict, meshProvider?: string): Promise<void> {
  const { code, text } = await plan(canary, meshProvider);
  if (verdict === "planned")
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringMatching(/ release of .* on /) });
  else expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining(verdict.aviary) });
}

const { metadata, ...WHOLE } = aWireCanary();
const NAMED = { ...WHOLE, metadata: { name: "podinfo", namespace: "test" } };
const without = (field: string): KubeFields => ({ ...NAMED, spec: { ...NAMED["spec"], [field]: undefined } });
const REFUSED: Readonly<Record<string, readonly [KubeFields, Refusal]>> = {
  "no target": [without("targetRef"), published.NO_TARGET],
  "no analysis": [without("analysis"), published.NO_ANALYSIS],
  "no port": [{ ...NAMED, spec: { ...NAMED["spec"], service: { timeout: "5s" } } }, published.NO_PORT],
  "no name": [{ ...WHOLE, metadata: {} }, published.NO_NAME],
  "no metadata": [WHOLE, published.NO_NAME],
  "an older version": [{ ...NAMED, apiVersion: "flagger.app/v1alpha3" }, published.OLD_VERSION],
};

describe("aviary plan", () => {
  it.each(OWN)("plans $name", async ({ canary, provider, strategy }) => {
    const { code, text } = await plan(canary);
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining(` on ${provider}\n`) });
    // Plain Kubernetes cannot split traffic: every release is run as blue/green.
    const isBlueGreen = strategy.startsWith("blue") || provider === "kubernetes";
    const kind = strategy.startsWith("A/B") ? "ab-testing" : isBlueGreen ? "blue-green" : "canary";
    expect(text).toContain(`podinfo.test: ${kind} release of `);
  });

  it("has a Canary for each provider", () => {
    expect(new Set(OWN.map(({ provider }) => provider))).toEqual(new Set(Object.keys(ROUTERS)));
  });

  it.each(Object.entries(REFUSED))("refuses a Canary: %s", (_what, [canary, refusal]) =>
    expectVerdict(canary, refusal),
  );
});

interface Row {
  readonly name: string;
  readonly canary: KubeFields;
  readonly verdict: Verdict;
  readonly meshProvider?: string | undefined;
}

const FOUND = FLAGGER_REPO === "" ? new Map<string, readonly KubeFields[]>() : publishedCanaries(FLAGGER_REPO);
const ROWS: readonly Row[] = [...FOUND].flatMap(([file, canaries]) =>
  canaries.map((canary, i) => {
    const { meshProvider, verdicts = [] } = PUBLISHED[file] ?? {};
    const name = `${file} ${i + 1}, ${canary["metadata"]?.name ?? "without a name"}`;
    return { name, canary, verdict: verdicts[i] ?? published.NO_NAME, meshProvider };
  }),
);
const shown = (verdict: Verdict) => (verdict === "planned" ? "is planned" : `is refused: ${verdict.apiServer}`);

if (FLAGGER_REPO === "") {
  it("Flagger's published Canaries are not tried: FLAGGER_REPO names no copy of its repository", () => {
    process.stdout.write(
      "Flagger's published Canaries were not tried: FLAGGER_REPO names no copy of its repository.\n",
    );
  });
} else {
  describe("the Canaries published with Flagger 1.44", () => {
    it("are 84, of which 66 are planned, in the files of the table", () => {
      const counts = (rows: Iterable<readonly [string, readonly unknown[]]>) =>
        Object.fromEntries([...rows].map(([file, all]) => [file, all.length]));
      const expected = Object.entries(PUBLISHED).map(([file, { verdicts }]) => [file, verdicts] as const);
      expect(counts(FOUND), "FLAGGER_REPO must be at version 1.44.0").toEqual(counts(expected));
      expect(ROWS).toHaveLength(84);
      expect(ROWS.filter(({ verdict }) => verdict === "planned")).toHaveLength(66);
    });

    it.each(ROWS.map((row) => ({ ...row, says: shown(row.verdict) })))(
      "$name: $says",
      ({ canary, verdict, meshProvider }) => expectVerdict(canary, verdict, meshProvider),
    );

    it("ask for nothing that this project's own Canaries do not ask for", () => {
      const own = new Map<string, Set<string>>();
      for (const { provider, canary } of OWN) {
        own.set(provider, new Set([...(own.get(provider) ?? []), ...featuresOf(canary["spec"])]));
      }
      const missing = ROWS.filter(({ verdict }) => verdict === "planned").flatMap((row) => {
        const { name, canary, meshProvider = "istio" } = row;
        const provider: string = canary["spec"].provider ?? meshProvider;
        return [...featuresOf(canary["spec"])]
          .filter((feature) => own.get(provider)?.has(feature) !== true)
          .map((feature) => `${name}, ${provider}: ${feature}`);
      });
      expect(missing).toEqual([]);
    });
  });
}

const { KUBE_APISERVER: apiServer, ETCD: etcd } = process.env;

/** Each API server that is asked, with the definition of a Canary that it has. */
const DEFINITIONS = {
  ...(FLAGGER_REPO === "" ? {} : { "with Flagger's definition of a Canary": flaggersDefinition }),
  "with Aviary's definition of a Canary": () => crds() as unknown as readonly KubeObject[],
};

function flaggersDefinition(): readonly KubeObject[] {
  const text = readFileSync(join(FLAGGER_REPO, "artifacts/flagger/crd.yaml"), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

if (apiServer === undefined || etcd === undefined) {
  it("Kubernetes' own API server is not asked: KUBE_APISERVER and ETCD name no programs", () => {
    process.stdout.write("Kubernetes' own API server was not asked: KUBE_APISERVER and ETCD name no programs.\n");
  });
} else {
  describe.each(Object.entries(DEFINITIONS))("Kubernetes' own API server %s", (_name, definition) => {
    let server: RealServer;
    const { signal } = new AbortController();
    beforeAll(async () => {
      server = await startKubeApiServer({ apiServer, etcd });
      for (const crd of definition()) await server.kube.create(RESOURCES.crd, crd, signal);
      const namespaces = ROWS.map(({ canary }): string => canary["metadata"]?.namespace ?? "default");
      for (const name of new Set(["test", "default", ...namespaces])) {
        const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
        await server.kube.create(RESOURCES.namespace, namespace, signal).catch(() => undefined); // it may be there
      }
      await served();
    });
    afterAll(() => server?.stop());

    const send = ({ apiVersion, metadata: meta, ...rest }: KubeFields) => {
      const path = `/apis/${apiVersion}/namespaces/${meta?.namespace ?? "default"}/canaries`;
      const body = { apiVersion, metadata: meta ?? {}, ...rest };
      return server.transport.send({ method: "POST", path, body, query: { dryRun: "All" } }, signal);
    };
    /** A definition is served a moment after it was created. */
    const served = async () => {
      const isServed = () =>
        server.transport.send({ path: "/apis/flagger.app/v1beta1/canaries", method: "GET" }, signal).then(
          () => true,
          () => false,
        );
      while (!(await isServed())) await systemClock.sleep(100, signal);
    };

    it.each(OWN)("takes $name", ({ canary }) => send(canary));

    it.each(Object.entries(REFUSED))("refuses a Canary: %s", async (_what, [canary, refusal]) => {
      await expect(send(canary)).rejects.toThrow(refusal.apiServer);
    });

    it.each(ROWS.map((row) => ({ ...row, says: shown(row.verdict) })))("$name: $says", async ({ canary, verdict }) => {
      if (verdict === "planned") await send(canary);
      else await expect(send(canary)).rejects.toThrow(verdict.apiServer);
    });
  });
}
