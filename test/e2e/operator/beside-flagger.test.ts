/**
 * The real Flagger and Aviary, each in a cluster of its own, get the same Canary and the same release: their events,
 * routes and objects must be equal, except for the departures. And each continues where the other was killed. Needs
 * Flagger's program, built from its release (`go build ./cmd/flagger`); without it this file is not part of the tests
 * (vitest.config.ts):
 *
 *   FLAGGER=/path/to/flagger npm run beside-flagger
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { istioCrds } from "../../../sandbox/crds/istio.ts";
import { kedaCrds } from "../../../sandbox/crds/keda.ts";
import { knativeCrds } from "../../../sandbox/crds/knative.ts";
import { freePorts } from "../../../sandbox/programs/ports.ts";
import { crds } from "../../../src/crd/index.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PROGRAM } from "../../program.ts";
import { podinfo, typeOf } from "../harness/objects.ts";
import {
  type MetricServer,
  type Received,
  type Receiver,
  startMetricServer,
  startReceiver,
} from "../harness/servers.ts";
import { startWorld, type World } from "../harness/world.ts";
import { CASES, type Case, progressive } from "./beside-flagger-cases.ts";

const FLAGGER = process.env["FLAGGER"] ?? "";
type Who = "flagger" | "aviary";

const KINDS = [
  ...[
    RESOURCES.deployment,
    RESOURCES.daemonSet,
    RESOURCES.service,
    RESOURCES.virtualService,
    RESOURCES.destinationRule,
  ],
  ...[RESOURCES.configMap, RESOURCES.secret, RESOURCES.hpa, RESOURCES.scaledObject, RESOURCES.knativeService],
];
const MINUTES = 60_000;

interface Fixture {
  readonly world: World;
  readonly hooks: Receiver;
  readonly metrics: MetricServer;
  /** Starts an operator; the previous one is killed. */
  run(who: Who): Promise<void>;
  /** Starts a second operator. @returns a function that kills it */
  runBeside(who: Who): Promise<() => Promise<void>>;
  /** Its metrics for Prometheus. */
  figures(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

async function startFixture(flags: readonly string[], successRate = 100): Promise<Fixture> {
  const definitions = [...crds(), ...istioCrds(), ...kedaCrds(), ...knativeCrds()] as readonly KubeObject[];
  const world = await startWorld({ crds: definitions });
  const [metrics, hooks] = [await startMetricServer(), await startReceiver()];
  metrics.value = () => successRate;
  const folder = mkdtempSync(join(tmpdir(), "beside-"));
  writeFileSync(join(folder, "kubeconfig"), world.kubeconfig);
  const children: ChildProcess[] = [];
  let port = 0;
  const kill = async (child: ChildProcess | undefined) => {
    const gone = new Promise((resolve) => child?.once("exit", resolve));
    if (child?.kill("SIGKILL") === true) await gone;
  };
  async function start(who: Who): Promise<void> {
    [port = 0] = await freePorts(1);
    const own = [`-kubeconfig=${folder}/kubeconfig`, `-metrics-server=${metrics.url}`, "-control-loop-interval=1s"];
    const argv = [...own, `-event-webhook=${hooks.url}/event`, `-port=${port}`, ...flags];
    const program = who === "flagger" ? FLAGGER : process.execPath;
    children.push(
      spawn(program, who === "flagger" ? argv : [PROGRAM, "operator", ...argv, "-allow-local-egress"], {
        stdio: "ignore",
      }),
    );
  }
  return {
    world,
    hooks,
    metrics,
    async figures() {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return text.split("\n").filter(isFigure).map(withLabelsSorted).sort();
    },
    async run(who) {
      await kill(children.pop());
      await start(who);
    },
    async runBeside(who) {
      const before = children.at(-1);
      await start(who);
      return () => kill(before);
    },
    async stop() {
      await Promise.all(children.map(kill));
      await Promise.all([metrics.stop(), hooks.stop(), world.stop()]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Without the parts that depend on the machine's speed. */
const isFigure = (line: string) => /^flagger_/.test(line) && !/^flagger_(info|canary_duration_seconds)/.test(line);

const withLabelsSorted = (line: string) =>
  line.replace(/\{(.*)\}/, (_all, labels: string) => `{${labels.split(",").sort().join(",")}}`);

/** Resolves as soon as the Canary is as described. @throws Error with all of its events */
function until(world: World, holds: (canary: KubeObject | undefined) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      stop();
      const { status } = world.get(RESOURCES.canary, "podinfo") ?? {};
      reject(new Error([`this state did not come: ${JSON.stringify(status)}`, ...world.told("podinfo")].join("\n")));
    };
    const patience = setTimeout(giveUp, 3 * MINUTES);
    const stop = world.cluster.watch(RESOURCES.canary, ({ object, type }) => {
      if (!holds(type === "DELETED" ? undefined : object)) return;
      clearTimeout(patience);
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
const phase =
  (...phases: readonly string[]) =>
  (canary: KubeObject | undefined) =>
    phases.includes(canary?.["status"]?.phase ?? "");

/** The text of a wait depends on the time of the check (ADR 0002). */
const isMoment = (text: string) =>
  /rollout to finish|metrics providers are|^Knative Revision \S+ is not ready$/.test(text);
const COOKIE = /session([=.*]+)[a-zA-Z]{10}/g;

function spoken(hooks: Receiver): string[] {
  const events = hooks.received.filter(({ path }) => path === "/event").map(({ body }) => body);
  return events
    .filter(({ metadata }) => !isMoment(metadata.eventMessage))
    .filter(({ metadata }) => !metadata.eventMessage.startsWith("Terminated canary")) // ADR 0006
    .map(({ phase: told, checksum, metadata }) => `${told} ${checksum} ${metadata.eventType} ${metadata.eventMessage}`);
}

/** Each call once: how often a call is made depends on when pods are ready. */
function called(hooks: Receiver, path: string): string[] {
  const calls = hooks.received.filter((call) => call.path.startsWith(path));
  // The watch ends now.
  const place = (call: Received) => call.path.replace(/\b\d{10,13}\b/g, "NOW");
  return [...new Set(calls.map((call) => `${place(call)} ${JSON.stringify(sorted(withoutWhy(call.body)))}`))];
}

/** Aviary's alert of a rollback has the reason as one more field. @param body undefined: the call had none */
function withoutWhy(body: KubeFields | undefined): KubeFields | undefined {
  const attachments = body?.["attachments"]?.map((attachment: KubeFields) => ({
    ...attachment,
    fields: attachment["fields"].filter(({ title }: KubeFields) => title !== "Why"),
  }));
  return attachments === undefined ? body : { ...body, attachments };
}

/** Go writes the fields of a map in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, field]) => [name, sorted(field)]));
}

/** A typed object that is written back whole gets empty fields that a patch leaves out (Q10). */
function withoutEmpty(_name: string, value: unknown): unknown {
  return ['""', "{}"].includes(JSON.stringify(value)) ? undefined : value;
}

/** Without the fields that differ between any two clusters, and without the departures. */
function comparable(object: KubeObject): KubeFields {
  const knative = object.kind === "Service" && object.apiVersion !== "v1";
  const text = knative ? JSON.stringify(object, withoutEmpty) : JSON.stringify(object);
  const copy: KubeObject = JSON.parse(text.replace(COOKIE, "session$1COOKIE"));
  const { metadata, spec } = copy;
  for (const field of ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] as const) {
    delete (metadata as KubeFields)[field];
  }
  for (const owner of metadata.ownerReferences ?? []) (owner as KubeFields).uid = "";
  for (const field of ["clusterIP", "clusterIPs"]) if (spec !== undefined) delete spec[field];
  // What a primary goes back to by `undo` (ADR 0017).
  for (const name of Object.keys(metadata.annotations ?? {})) {
    if (name.startsWith("aviary.flagger.app/")) delete metadata.annotations?.[name];
  }
  const annotations = spec?.template?.metadata?.annotations;
  if (annotations?.["flagger-id"] !== undefined) annotations["flagger-id"] = "";
  // Q63: the selector label that leaks onto mesh objects.
  if (copy.kind === "VirtualService") delete metadata.labels;
  delete copy["status"];
  return copy;
}

function left(world: World): KubeFields {
  const objects = KINDS.flatMap((type) => world.cluster.list(type, "test"))
    .filter(({ metadata }) => !metadata.name.startsWith("podinfo-0000")) // Knative's own
    .filter(({ metadata }) => !metadata.name.endsWith("-primary-previous")) // ADR 0004
    .map((object) => [`${object.kind} ${object.metadata.name}`, comparable(object)] as const);
  const {
    phase: now,
    failedChecks,
    canaryWeight,
    iterations,
    ...rest
  } = world.get(RESOURCES.canary, "podinfo")?.["status"] ?? {};
  const { trackedConfigs, lastAppliedSpec, lastPromotedSpec } = rest;
  const status = { now, failedChecks, canaryWeight, iterations, trackedConfigs, lastAppliedSpec, lastPromotedSpec };
  return { objects: Object.fromEntries(objects), status };
}

function canaryOf(more: KubeFields, { apiVersion, kind }: KubeObject = podinfo("podinfo")): KubeObject {
  const targetRef = { apiVersion, kind, name: "podinfo" };
  const spec = { targetRef, service: { port: 9898 }, analysis: progressive, ...more };
  return { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "podinfo", namespace: "test" }, spec };
}

function release(world: World, { config, target }: Partial<Case> = {}): void {
  if (config !== undefined) {
    world.edit(RESOURCES.configMap, config, (copy) => {
      copy["data"] = { color: "blue" };
    });
    return;
  }
  world.edit(target === undefined ? RESOURCES.deployment : typeOf(target), "podinfo", ({ spec }) => {
    spec.template.spec.containers[0].image = "podinfo:6.0.1";
  });
}

async function tell(who: Who, what: Case) {
  const fixture = await startFixture(what.flags ?? [], what.bad === true ? 50 : 100);
  const { world, hooks } = fixture;
  const answers = Object.entries(what.answers ?? {});
  hooks.answer = ({ path }) => {
    const [, body] = answers.find(([name]) => path.includes(name)) ?? [];
    return body === undefined ? { status: 200 } : { status: 200, body };
  };
  try {
    const servers = { "http://HOOKS": hooks.url, "http://METRICS": fixture.metrics.url };
    const placed = (object: KubeObject): KubeObject =>
      JSON.parse(
        Object.entries(servers).reduce((text, [name, url]) => text.replaceAll(name, url), JSON.stringify(object)),
      );
    for (const object of what.objects ?? []) world.cluster.create(typeOf(object), placed(object));
    const target = what.target ?? podinfo("podinfo");
    world.apply(target, placed(canaryOf(what.canary, target)));
    await fixture.run(who);
    await until(world, phase("Initialized"));
    // A router that switches late, a proxy's propagation time or an interval later, has done it by now.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const initialized = left(world);
    const routes: string[] = [];
    const stop = world.cluster.watch(RESOURCES.virtualService, ({ object }) => {
      const text = JSON.stringify(comparable(object)["spec"].http);
      if (routes.at(-1) !== text) routes.push(text);
    });
    release(world, what);
    await until(world, phase("Progressing"));
    await until(world, phase("Succeeded", "Failed"));
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const promoted = left(world);
    const figures = (await fixture.figures()).filter((line) => what.departs?.test(line) !== true);
    const said = { hooks: called(hooks, "/hook"), alerts: called(hooks, "/alert") };
    const queries = [...new Set(fixture.metrics.queries)].sort();
    if (what.deleted === true) {
      world.cluster.remove(RESOURCES.canary, "test", "podinfo");
      await until(world, (canary) => canary === undefined);
    }
    stop();
    const routed = routes.map((text): unknown => JSON.parse(text));
    return {
      events: spoken(hooks),
      ...said,
      queries,
      figures,
      routes: routed,
      initialized,
      promoted,
      end: left(world),
    };
  } finally {
    await fixture.stop();
  }
}

describe.concurrent("beside the real Flagger", () => {
  it.each(Object.entries(CASES))(
    "%s: events, routes and objects are the same",
    async (_name, what) => {
      const [theirs, ours] = await Promise.all([tell("flagger", what), tell("aviary", what)]);
      // Aviary also counts requests, for the record.
      const queries = ours.queries.filter((query) => theirs.queries.includes(query));
      expect({ ...ours, queries }).toEqual(theirs);
    },
    10 * MINUTES,
  );

  const takeovers = (["flagger", "aviary"] as const).flatMap((first) => [
    [first, "confirm-rollout", "Waiting", progressive] as const,
    [first, "confirm-promotion", "WaitingPromotion", progressive] as const,
    [first, "confirm-promotion", "WaitingPromotion", { interval: "10s", threshold: 2, iterations: 2 }] as const,
  ]);
  it.each(takeovers)(
    "%s is killed while it waits at %s (%s): the other continues, and no request fails",
    async (first, type, waits, analysis) => {
      const fixture = await startFixture([]);
      const { world, hooks } = fixture;
      let open = false;
      hooks.answer = ({ path }) => ({ status: path === "/gate" && !open ? 403 : 200 });
      const routes: string[] = [];
      const stop = world.cluster.watch(RESOURCES.virtualService, ({ object }) => {
        const text = JSON.stringify(
          object["spec"].http.map(({ route }: KubeFields) => route.map((to: KubeFields) => to.weight)),
        );
        if (routes.at(-1) !== text) routes.push(text);
      });
      const webhooks = [{ name: "gate", type, url: `${hooks.url}/gate` }];
      world.apply(podinfo("podinfo"), canaryOf({ analysis: { ...analysis, webhooks } }));
      await fixture.run(first);
      await until(world, phase("Initialized"));
      release(world);
      await until(world, phase(waits));
      await fixture.run(first === "flagger" ? "aviary" : "flagger");
      const asked = hooks.received.length;
      await hooks.until("the gate is asked again", (calls) => calls.length > asked);
      open = true;
      await until(world, phase("Succeeded", "Failed"));
      stop();
      const turned = "iterations" in analysis ? "[[0,100]]" : "[[50,50]]";
      expect(routes).toEqual(["[[100,0]]", turned, "[[100,0]]"]);
      expect(left(world)["status"].now).toBe("Succeeded");
      await fixture.stop();
    },
    10 * MINUTES,
  );

  it.each([
    ["flagger", "aviary"],
    ["aviary", "flagger"],
  ] as const)(
    "%s leads, %s waits for its Lease, and leads when it is killed",
    async (first, second) => {
      const fixture = await startFixture(["-enable-leader-election", "-leader-election-namespace=test"]);
      const { world } = fixture;
      const holder = () => world.cluster.get(RESOURCES.lease, "test", "flagger-leader-election")?.spec?.holderIdentity;
      world.apply(podinfo("podinfo"), canaryOf({}));
      await fixture.run(first);
      await until(world, phase("Initialized"));
      const leader = holder();
      const killFirst = await fixture.runBeside(second);
      release(world);
      await until(world, phase("Progressing"));
      expect(holder()).toBe(leader);
      await killFirst();
      await until(world, phase("Succeeded", "Failed"));
      expect(holder()).not.toBe(leader);
      expect(left(world)["status"].now).toBe("Succeeded");
      await fixture.stop();
    },
    10 * MINUTES,
  );
});
