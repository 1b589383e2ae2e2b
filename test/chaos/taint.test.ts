/**
 * Secrets are planted in every place that may hold one, and the servers that are asked repeat what they were sent.
 * Nothing that is logged, said, stored, measured or shown contains a plant.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { CLUSTER_OPTIONS, connectCluster } from "../../src/cli/cluster.ts";
import type { Command } from "../../src/cli/command.ts";
import { describeCommand } from "../../src/cli/commands/describe.ts";
import { getCommand } from "../../src/cli/commands/get.ts";
import { planCommand } from "../../src/cli/commands/plan.ts";
import { readOptions } from "../../src/cli/options.ts";
import { serveConsole } from "../../src/cli/serve-console.ts";
import { runOperator } from "../../src/operator/process/process.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { STEERING } from "../../src/ports/steering.ts";
import { createLogger } from "../../src/recorders/log/logger.ts";
import { type StubCluster, startStubCluster } from "../../src/testing/stub-cluster.ts";
import { systemClock } from "../../src/time/system-clock.ts";
import { canaryOf, deployment, flagsOf, kubeconfigOf } from "./burst.ts";

const WORLDS = Number(process.env["TAINT_WORLDS"] ?? "8");
const SEED = Number(process.env["FUZZ_SEED"] ?? "1");
const REF = { namespace: "test", name: "app" };

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.reverse().splice(0)) await step();
});

/** Each place has a plant of its own, so that a failure names the place. */
let planted: string[] = [];
function plant(place: string): string {
  const text = `S3CR3T-${place}-${planted.length}`;
  planted.push(text);
  return text;
}

type Reply = "echo" | "error" | "redirect" | "hang-up" | "nonsense" | "good";
const REPLIES: readonly Reply[] = ["echo", "error", "redirect", "hang-up", "nonsense", "good"];

/** A server of a tenant, or one in the way: it repeats all that it was sent. */
async function startEcho(reply: Reply): Promise<{ readonly host: string; readonly server: Server }> {
  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const { authorization, ...others } = request.headers;
    const proof = Buffer.from(String(authorization).replace(/^Basic /, ""), "base64").toString();
    const said = JSON.stringify({
      errors: [{ message: `${authorization} ${proof}` }],
      error: others,
      path: REPEATED,
      body,
    });
    if (reply === "echo") response.writeHead(400).end(said);
    if (reply === "error") response.writeHead(500).end(`no: ${authorization} ${JSON.stringify(others)}`);
    if (reply === "redirect")
      response.writeHead(302, { location: `http://u:${plant("location")}@127.0.0.2:9/?t=${plant("query")}` }).end();
    if (reply === "hang-up") response.destroy();
    if (reply === "nonsense") response.end(`<html>${authorization} ${JSON.stringify(others)}`);
    if (reply === "good") response.end('{"status":"success","data":{"result":[{"value":[1,"1"]}]}}');
  };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
const REPEATED = "the path";

const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  prometheus: ["username", "password"],
  graphite: ["username", "password"],
  datadog: ["datadog_api_key", "datadog_application_key"],
  newrelic: ["newrelic_account_id", "newrelic_query_key"],
  influxdb: ["org", "token"],
  dynatrace: ["dynatrace_token"],
  splunk: ["sf_token_key"],
  stackdriver: ["project", "serviceAccountKey"],
};

interface World {
  readonly provider: string;
  readonly reply: Reply;
  readonly hookReply: Reply;
  /** How the address of the metric server is written. */
  readonly form: "plain" | "userinfo" | "query" | "broken";
  readonly alert: "slack" | "discord" | "generic" | "msteams" | "rocket" | "gchat";
}

const world: fc.Arbitrary<World> = fc.record({
  provider: fc.constantFrom(...Object.keys(PROVIDERS)),
  reply: fc.constantFrom(...REPLIES),
  hookReply: fc.constantFrom(...REPLIES),
  form: fc.constantFrom("plain" as const, "userinfo" as const, "query" as const, "broken" as const),
  alert: fc.constantFrom("slack", "discord", "generic", "msteams", "rocket", "gchat"),
});

function addressOf(host: string, form: World["form"], place: string): string {
  if (form === "plain") return `http://${host}`;
  if (form === "query") return `http://${host}/?token=${plant(`${place}-query`)}`;
  const user = `${plant(`${place}-user`)}:${plant(`${place}-password`)}`;
  return form === "userinfo" ? `http://${user}@${host}` : `http:\\\\${user}@${host}`;
}

const encoded = (data: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));

function fill(cluster: StubCluster, { provider, form, alert }: World, host: string, hookHost: string): KubeFields {
  const put = (type: Parameters<StubCluster["put"]>[0], name: string, fields: KubeFields) =>
    cluster.put(type, { metadata: { ...REF, name }, ...fields });
  const keys = Object.fromEntries((PROVIDERS[provider] ?? []).map((key) => [key, plant(key)]));
  put(RESOURCES.secret, "keys", { type: "Opaque", data: encoded(keys) });
  put(RESOURCES.secret, "chat", {
    type: "Opaque",
    data: encoded({
      address: addressOf(hookHost, form === "broken" ? "userinfo" : form, "chat"),
      token: plant("chat-token"),
    }),
  });
  const headers = { "X-Scope": [plant("header")] };
  put(RESOURCES.metricTemplate, "latency", {
    spec: {
      provider: { type: provider, address: addressOf(host, form, "template"), secretRef: { name: "keys" }, headers },
      query: "up",
    },
  });
  put(RESOURCES.alertProvider, "chat", { spec: { type: alert, secretRef: { name: "chat" } } });
  cluster.put(RESOURCES.deployment, deployment(REF));
  const hook = (type: string) => ({
    name: type,
    type,
    url: addressOf(hookHost, form === "broken" ? "userinfo" : form, type),
  });
  const good = canaryOf(REF);
  const spec = {
    ...good.spec,
    metricsServer: addressOf(host, form === "broken" ? "query" : form, "metricsServer"),
    analysis: {
      ...{ interval: "100ms", threshold: 2, iterations: 2 },
      metrics: [
        { name: "m", interval: "1m", thresholdRange: { max: 1 }, templateRef: { name: "latency" } },
        { name: "q", interval: "1m", thresholdRange: { max: 1 }, query: "up" },
        { name: "request-success-rate", interval: "1m", thresholdRange: { min: 1 } },
      ],
      webhooks: [hook("rollout"), hook("event"), hook("pre-rollout")],
      alerts: [{ name: "chat", severity: "info", providerRef: { name: "chat" } }],
    },
  };
  cluster.put(RESOURCES.canary, { ...good, spec });
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", ...good, spec };
}

async function textOf(command: Command, argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const { signal } = new AbortController();
  await command.run({ argv: [...argv], out, err: out, env, signal }).catch((error: unknown) => out(String(error)));
  return text;
}

/** What the console shows. */
async function pagesOf(
  cluster: StubCluster,
  metricsServer: string,
  kubeconfig: string,
  folder: string,
): Promise<string> {
  const stop = new AbortController();
  const client = await connectCluster(readOptions([], CLUSTER_OPTIONS), { KUBECONFIG: kubeconfig });
  writeFileSync(join(folder, "index.html"), "<html></html>");
  const served = await serveConsole(
    client,
    {
      ...{ mode: "none", host: "127.0.0.1", port: 0, basePath: "/", pages: folder },
      metrics: { address: metricsServer, meshProvider: "kubernetes" },
    },
    stop.signal,
  );
  const one = `canaries/${REF.namespace}/${REF.name}`;
  const runs = cluster.list(STEERING.run).map(({ metadata }) => `runs/${metadata.namespace}/${metadata.name}`);
  const pages = ["me", "canaries", one, `${one}/series?minutes=15`, "runs", ...runs, "insights", "freezes", "checks"];
  try {
    const texts = pages.map(async (page) => await (await fetch(`${served.url}api/v1/${page}`)).text());
    return (await Promise.all(texts)).join("\n");
  } finally {
    stop.abort(new Error("all pages were read"));
    await served.stop();
  }
}

/** Everything that anyone can read of a rollout of this world. */
async function everythingSaid(of: World): Promise<Readonly<Record<string, string>>> {
  planted = [];
  const written: KubeObject[] = [];
  const cluster = await startStubCluster();
  undo.push(() => cluster.close());
  const { host } = await startEcho(of.reply);
  const { host: hookHost } = await startEcho(of.hookReply);
  const folder = mkdtempSync(join(tmpdir(), "taint-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const token = plant("kubeconfig");
  const key = plant("webhook-key");
  writeFileSync(join(folder, "key"), key);
  writeFileSync(join(folder, "kubeconfig"), kubeconfigOf(cluster.url, { token }));
  const canary = fill(cluster, of, host, hookHost);
  const flags = flagsOf([
    ...["-port=0", "-interval-floor=100ms", "-mesh-provider=kubernetes", "-allow-local-egress", "-log-level=debug"],
    ...[`-kubeconfig=${folder}/kubeconfig`, `-journal=${folder}/journal`, `-webhook-key-file=${folder}/key`],
    ...[`-slack-url=${addressOf(hookHost, "query", "slack")}`, `-slack-token=${plant("slack-token")}`],
    ...[`-metrics-server=${addressOf(host, of.form, "server-flag")}`],
    ...[`-event-webhook=${addressOf(hookHost, "userinfo", "event-webhook")}`],
  ]);
  const lines: string[] = [];
  const stop = new AbortController();
  const reached = new Map<string, () => void>();
  const phase = (name: string) => new Promise<void>((resolve) => reached.set(name, resolve));
  let warned = () => {};
  cluster.onWrite((object) => {
    written.push(object);
    const now = object["status"]?.phase;
    if (object.kind === "Canary") for (const [name, resolve] of reached) if (name.split("|").includes(now)) resolve();
    if (object.kind === "Event" && object["type"] === "Warning") warned();
  });
  const initialised = phase("Initialized|Failed");
  const operator = runOperator({
    ...{ flags, version: "0.0.0", clock: systemClock, random: Math.random, signal: stop.signal },
    ...{
      host: "127.0.0.1",
      env: {},
      log: createLogger({ level: "debug", encoding: "json", write: (line) => void lines.push(line) }),
    },
  });
  const ended = operator.then(
    () => undefined,
    (error: unknown) => void lines.push(String(error)),
  );
  try {
    await Promise.race([initialised, ended]);
    reached.clear();
    // A metric server or a hook that never answers well keeps the Canary where it is, with a Warning.
    const warning = new Promise<void>((resolve) => {
      warned = resolve;
    });
    const finished = Promise.race([phase("Failed|Succeeded"), warning]);
    const next = structuredClone(deployment(REF));
    next.spec.template.spec.containers[0].image = "app:2";
    const seen = cluster.get(RESOURCES.deployment, REF.namespace, REF.name);
    cluster.put(RESOURCES.deployment, { ...seen, ...next });
    await Promise.race([finished, ended]);
    const port = /HTTP server on port (\d+)/.exec(lines.join(""))?.[1];
    const metrics = port === undefined ? "" : await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const env = { KUBECONFIG: join(folder, "kubeconfig") };
    writeFileSync(join(folder, "canary.json"), JSON.stringify(canary));
    const consoleSeen = addressOf(host, of.form === "broken" ? "userinfo" : of.form, "console");
    const pages = await pagesOf(cluster, consoleSeen, join(folder, "kubeconfig"), folder);
    const commands = [
      await textOf(describeCommand, ["canary/app", "-n", "test"], env),
      await textOf(describeCommand, ["secret/keys", "-n", "test"], env),
      await textOf(getCommand, ["canaries", "-n", "test"], env),
      await textOf(planCommand, [join(folder, "canary.json")]),
    ];
    stop.abort(new Error("enough"));
    await ended;
    const own = written.filter(
      ({ kind }) => !["Secret", "MetricTemplate", "AlertProvider", "Deployment"].includes(kind),
    );
    return {
      log: lines.join(""),
      // The spec of the Canary is the tenant's own.
      objects: own
        .map(({ kind, spec, ...rest }) => JSON.stringify(kind === "Canary" ? rest : { spec, ...rest }))
        .join("\n"),
      journal: readJournal(join(folder, "journal")),
      metrics,
      commands: commands.join("\n"),
      console: pages,
    };
  } finally {
    stop.abort(new Error("enough"));
    await ended;
  }
}

function readJournal(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // nothing was recorded
  }
}

it("no plant is found where people look", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(world, async (of) => {
      const said = await everythingSaid(of);
      expect(said["log"]).toContain("Starting operator");
      expect(said["console"]).toContain(`"name":"${REF.name}"`);
      for (const [where, text] of Object.entries(said)) {
        const encodings = planted.flatMap((one) => [one, Buffer.from(one).toString("base64"), encodeURIComponent(one)]);
        const found = encodings.filter((one) => text.includes(one));
        const line = text.split("\n").find((one) => one.includes(found[0] ?? "\0"));
        expect({ where, found, line: line?.slice(0, 1500) }).toEqual({ where, found: [], line: undefined });
      }
      for (const step of undo.reverse().splice(0)) await step();
    }),
    { numRuns: WORLDS, seed: SEED, endOnFailure: true },
  );
});
