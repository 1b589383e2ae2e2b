/**
 * What a tenant writes is worked on in pieces of less than 50 ms: /healthz and all other Canaries are served between.
 * Most pieces take 5 to 25 ms. `LOOP_MS=1 npx vitest run test/chaos/event-loop.test.ts` says how long each one takes.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { VERDICT_LABEL } from "../../src/ports/steering.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { canaryOf, deployment } from "./burst.ts";
import { type Started, startOperator } from "./operator-process.ts";

const LONGEST_PIECE_MS = Number(process.env["LOOP_MS"] ?? "50");
/** Each object comes several times, and the best of them counts: what the code costs is in all of them. */
const COPIES = 3;

/** On a machine with other work. */
const PATIENCE_MS = 300_000;

const MiB = 2 ** 20;
const ANSWERS: Readonly<Record<string, string>> = {
  "/brackets": "[".repeat(MiB - 1),
  "/objects": `{"data":{"result":[${"{},".repeat(300_000)}{}]}}`,
  "/huge": "x".repeat(10 * MiB),
  "/escapes": `"${"\\u0000".repeat(170_000)}"`,
};

let cluster: StubCluster;
let metrics: Server;
let address: string;
let operator: Started;

beforeAll(async () => {
  cluster = await startStubCluster();
  metrics = createServer((request, response) => {
    const path = Object.keys(ANSWERS).find((known) => request.url?.startsWith(known));
    response.end(path === undefined ? '{"data":{"result":[{"value":[1,"1"]}]}}' : ANSWERS[path]);
  });
  await new Promise<void>((resolve) => metrics.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(metrics.address() as AddressInfo).port}`;
  operator = startOperator({ server: cluster.url, watchesLoop: true });
  // The first objects of all find code that was never run.
  await rollOut("warm-up", { analysis: { metrics: [metric({ query: "{{ range 3 }}x{{ end }}" })] } });
  await operator.longestPiece();
}, PATIENCE_MS);

afterAll(async () => {
  await operator.end();
  await cluster.close();
  metrics.close();
  metrics.closeAllConnections();
});

interface Hostile {
  readonly analysis?: KubeFields;
  readonly spec?: KubeFields;
  /** Metadata of the pod template. */
  readonly target?: KubeFields;
  /** How many environment variables its container has. */
  readonly env?: number;
  /** How many ports its container has. */
  readonly ports?: number;
  /** Of the target. */
  readonly status?: KubeFields;
  /** The data of a ConfigMap that its container uses. */
  readonly config?: Readonly<Record<string, string>>;
}

const metric = (fields: object) => ({ name: "m", interval: "1m", thresholdRange: { max: 1 }, ...fields });

/** Resolves when the record of the release is complete, or the operator said what it refuses. */
function ends(name: string): Promise<void> {
  return new Promise((resolve) =>
    cluster.onWrite((object: KubeObject) => {
      const isRecorded =
        object.kind === "CanaryRun" &&
        object["spec"]?.canary === name &&
        object.metadata.labels?.[VERDICT_LABEL] !== "running";
      if (isRecorded) resolve();
      const isRefused =
        object.kind === "Event" &&
        object["involvedObject"]?.name === name &&
        /^invalid canary spec|at most 1000/.test(String(object["message"]));
      if (isRefused) resolve();
    }),
  );
}

async function rollOut(name: string, { analysis = {}, spec = {}, ...hostile }: Hostile): Promise<void> {
  const { target = {}, env = 0, ports = 0, status, config } = hostile;
  const ref = { namespace: "evil", name };
  const workload = { ...deployment(ref), ...(status === undefined ? {} : { status }) };
  Object.assign(workload.spec.template.metadata, target);
  const [container] = workload.spec.template.spec.containers;
  const variables = Array.from({ length: env }, (_, i) => ({ name: `VARIABLE_${i}`, value: "x".repeat(20) }));
  if (env > 0) Object.assign(container, { env: variables });
  const published = Array.from({ length: ports }, (_, i) => ({ name: `p${i}`, containerPort: i + 1 }));
  if (ports > 0) Object.assign(container, { ports: published });
  if (config !== undefined) {
    cluster.put(RESOURCES.configMap, { metadata: ref, data: config });
    Object.assign(container, { envFrom: [{ configMapRef: { name } }] });
  }
  const canary = canaryOf(ref);
  const wanted = { ...canary.spec, metricsServer: address, ...spec };
  const ended = ends(name);
  const initialised = new Promise<void>((resolve) =>
    cluster.onWrite(({ kind, metadata, ...object }) => {
      if (kind === "Canary" && metadata.name === name && object["status"]?.phase === "Initialized") resolve();
    }),
  );
  cluster.put(RESOURCES.deployment, workload);
  cluster.put(RESOURCES.canary, {
    ...canary,
    spec: { ...wanted, analysis: { interval: "100ms", threshold: 1, iterations: 1, ...analysis } },
  });
  await Promise.race([initialised, ended]);
  const next = structuredClone(workload);
  next.spec.template.spec.containers[0].image = "app:2";
  cluster.put(RESOURCES.deployment, { ...cluster.get(RESOURCES.deployment, "evil", name), ...next });
  await ended;
}

const FUEL = "{{ range 100000 }}{{ name }}{{ end }}";
const asked = (path: string): Hostile => ({
  spec: { metricsServer: `${address}${path}` },
  analysis: { metrics: [metric({ query: "up" })] },
});
const querying = (query: string): Hostile => ({ analysis: { metrics: [metric({ query })] } });
const LONG = "x".repeat(180);
const rules = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    uri: { prefix: `/${i}` },
    headers: { "x-user": { exact: `user-${i}` } },
  }));
const long = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`example.com/key-${i}`, "x".repeat(length)]));

it.each<[what: string, hostile: () => Hostile]>([
  ["a query that uses up its fuel", () => querying(FUEL)],
  [
    "50 queries that use up their fuel",
    () => ({
      analysis: { metrics: Array.from({ length: 50 }, (_, i) => metric({ name: `m-${i}`, query: FUEL })) },
    }),
  ],
  ["a query of many words", () => querying("{{ name }}".repeat(6_000))],
  ["a query of 64 KiB", () => querying(`sum(rate(${"x".repeat(65_000)}[1m]))`)],
  ["a query of 64 KiB of operators", () => querying(`1${"+1".repeat(32_000)}`)],
  ["formats of a thousand characters", () => querying(`{{ range 300 }}{{ printf "%1000.1000f" 1.2e300 }}{{ end }}`)],
  ["an answer of a megabyte of brackets", () => asked("/brackets")],
  ["an answer of 300,000 objects", () => asked("/objects")],
  ["an answer of 10 MiB", () => asked("/huge")],
  ["an answer of escapes", () => asked("/escapes")],
  ["200,000 step weights", () => ({ analysis: { stepWeights: Array.from({ length: 200_000 }, () => 1) } })],
  ["10,000 iterations", () => ({ analysis: { iterations: 10_000, metrics: [metric({ query: "{{" })] } })],
  [
    "50,000 hosts",
    () => ({
      spec: { service: { port: 80, hosts: Array.from({ length: 50_000 }, (_, i) => `h${i}.example.com`) } },
    }),
  ],
  ["a target with 256 KiB of annotations", () => ({ target: { annotations: long(6_000, 20) } })],
  ["a target with 8,000 variables", () => ({ env: 8_000 })],
  ["20,000 ports to discover", () => ({ ports: 20_000, spec: { service: { port: 80, portDiscovery: true } } })],
  ["a target of 1.2 MB", () => ({ env: 20_000 })],
  [
    "a target whose status has 1 MB",
    () => ({ status: { conditions: Array.from({ length: 5_000 }, (_, i) => ({ type: `T${i}`, message: LONG })) } }),
  ],
  ["a ConfigMap of 1 MB with 12,000 keys", () => ({ config: long(12_000, 60) })],
  ["a ConfigMap with one key of 1 MB", () => ({ config: long(1, 1_000_000) })],
  [
    "50 webhooks with 20 KB of metadata each",
    () => ({
      analysis: {
        webhooks: Array.from({ length: 50 }, (_, i) => ({ name: `w-${i}`, url: address, metadata: long(500, 20) })),
      },
    }),
  ],
  ["5,000 routing rules of Istio", () => ({ spec: { provider: "istio", service: { port: 80, match: rules(5_000) } } })],
  [
    "5,000 routing rules of Gateway API",
    () => ({
      spec: {
        provider: "gatewayapi:v1",
        service: { port: 80, hosts: ["a.example"], gatewayRefs: [{ name: "g" }], match: rules(5_000) },
      },
    }),
  ],
])("%s never blocks the event loop", { timeout: PATIENCE_MS }, async (what, hostile) => {
  const pieces: number[] = [];
  for (let copy = 0; copy < COPIES; copy += 1) {
    const name = what.replaceAll(/[^a-z0-9]+/g, "-").slice(-40);
    await rollOut(`${name.replace(/^-+/, "")}-${copy}`, hostile());
    pieces.push(await operator.longestPiece());
  }
  expect(Math.min(...pieces), `pieces of ${pieces.map((ms) => ms.toFixed(0)).join(", ")} ms`).toBeLessThan(
    LONGEST_PIECE_MS,
  );
});
