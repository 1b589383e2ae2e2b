/**
 * The fixture of the stories: one sandbox with mesh and Prometheus, the manifests of deploy/ in it, the operator and
 * the load tester as programs in pods. Every story has a namespace, so that many stories run side by side.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPodinfo } from "../../../sandbox/apps/podinfo/index.ts";
import type { AppTable, RunningApp } from "../../../sandbox/apps.ts";
import { type Sandbox, type SandboxOptions, type SandboxServices, startSandbox } from "../../../sandbox/sandbox.ts";
import { type ClusterClient, connectCluster } from "../../../src/cli/cluster.ts";
import { applyObject, readManifests } from "../../../src/cli/commands/apply.ts";
import { readOptions } from "../../../src/cli/options.ts";
import { aviaryApps, webhookTokenOf } from "../../../src/cli/sandbox-apps.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PROJECT_ROOT as ROOT } from "../../../src/project-root.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { PROGRAM } from "../../program.ts";
import type { Users } from "./users.ts";

const KUBECONFIG = { kubeconfig: { type: "string", help: "" }, context: { type: "string", help: "" } } as const;

/** Programs with much memory start with a fifth less of the processor's time. */
const NODE_OPTIONS: readonly string[] = [];

export interface Fixture {
  readonly sandbox: Sandbox;
  /** Path of the kubeconfig of its owner. */
  readonly kubeconfig: string;
  /** File with the token of the load tester. */
  readonly webhookToken: string;
  readonly client: ClusterClient;
  /** Applies server-side, as users' tools do. */
  apply(...objects: readonly KubeObject[]): Promise<void>;
  /** Resolves with the object as soon as it satisfies `holds`; undefined stands for an object that does not exist. */
  until(ref: ObjectRef, what: string, holds: (object: KubeObject | undefined) => boolean): Promise<KubeObject>;
  /** The events of a Canary so far ("podinfo" when absent), each message once, oldest first. */
  said(namespace: string, canary?: string): string[];
  /** Resolves with an event of the Canary, past or future, that contains `text`. */
  heard(namespace: string, text: string, canary?: string): Promise<void>;
  /** Sends `kill -9` to the operator of the namespace ("": the one for all); resolves when the next one runs. */
  killOperator(namespace?: string): Promise<void>;
  /** Starts an operator for this namespace alone; resolves when it is ready. */
  startOperatorFor(namespace: string): Promise<void>;
  /** Removes what an earlier run of the story left in its namespace, including users and operator. */
  clear(namespace: string): Promise<void>;
  /** These users stop when the namespace is cleared. */
  readonly activeUsers: Map<string, Users>;
  /** Resolves when the operator of this namespace has been killed. */
  untilKilled(namespace: string): Promise<void>;
  /** Resolves when the operator was killed with its Canary at an end: the last events may never be written. */
  untilSilenced(namespace: string): Promise<void>;
  stop(): Promise<void>;
}

export interface FixtureOptions {
  /** One operator for each of these namespaces instead of one for all, so that each can be killed alone. */
  readonly operators?: readonly string[];
  /** Folders of deploy/ whose manifests are applied; all of deploy/ when absent. */
  readonly folders?: readonly string[];
}

export async function startFixture({ operators = [""], folders = [""] }: FixtureOptions = {}): Promise<Fixture> {
  const dir = mkdtempSync(join(tmpdir(), "aviary-stories-"));
  const kubeconfig = join(dir, "kubeconfig");
  const running = runningOperators();
  const sandbox = await startSandbox({
    prometheus: "embedded",
    scrapeIntervalMs: 1000,
    ...realKubernetes(),
    apps: (services) => running.watched(aviaryApps(PROGRAM, kubeconfig, NODE_OPTIONS), services),
  });
  writeFileSync(kubeconfig, sandbox.kubeconfig, { mode: 0o600 });
  const client = await connectCluster(
    readOptions(["--kubeconfig", kubeconfig], KUBECONFIG),
    {},
    { timeoutMs: PATIENCE_MS },
  );
  const notAborted = new AbortController().signal;
  const manifests = readManifests(folders.map((folder) => join(ROOT, "deploy", folder))).map(patient);
  const deploys = (name: string) =>
    manifests.some(({ kind, metadata }) => kind === "Deployment" && metadata.name === name);
  const fixture: Fixture = {
    sandbox,
    kubeconfig,
    webhookToken: webhookTokenOf(kubeconfig),
    client,
    async apply(...objects) {
      for (const object of objects) await applyObject(client, object, notAborted);
    },
    until: (ref, what, holds) => until(sandbox, ref, what, holds),
    said: (namespace, canary = "podinfo") => said(sandbox, namespace, canary),
    heard: (namespace, text, canary = "podinfo") => heard(sandbox, namespace, text, canary),
    killOperator: (namespace = "") => running.kill(namespace, () => isOver(sandbox, namespace)),
    untilKilled: running.untilKilled,
    untilSilenced: running.untilSilenced,
    activeUsers: new Map(),
    async clear(namespace) {
      if (sandbox.cluster.get(RESOURCES.namespace, "", namespace) === undefined) return;
      running.forget(namespace);
      await clear(fixture, namespace);
    },
    async startOperatorFor(namespace) {
      await fixture.apply(...manifests.filter(isOperator).flatMap((object) => operatorsOf(object, [namespace])));
      await untilAvailable(fixture, "istio-system", operatorName(namespace));
    },
    async stop() {
      await client.transport.close();
      await sandbox.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await fixture.apply(
    ...manifests.flatMap((object) => (isOperator(object) ? operatorsOf(object, operators) : [object])),
  );
  const names = deploys("flagger") ? operators.map(operatorName) : [];
  const testers = ["flagger-loadtester"].filter(deploys);
  await Promise.all([
    ...["prometheus", ...names].map((name) => untilAvailable(fixture, "istio-system", name)),
    ...testers.map((name) => untilAvailable(fixture, "test", name)),
  ]);
  return fixture;
}

/** $KUBERNETES_PROGRAMS names a folder with kube-apiserver and etcd: then the stories are told on these. */
function realKubernetes(): Pick<SandboxOptions, "kubernetes"> {
  const programs = process.env["KUBERNETES_PROGRAMS"];
  if (programs === undefined) return {};
  return { kubernetes: { programs, log: (line) => process.stderr.write(`kubernetes: ${line}\n`) } };
}

/** On a busy machine a program starts slowly, or answers late: that is no reason to start it again. */
function patient(manifest: KubeObject): KubeObject {
  if (manifest.kind !== "Deployment") return manifest;
  const object = structuredClone(manifest);
  for (const { livenessProbe } of object.spec.template.spec.containers)
    if (livenessProbe !== undefined) livenessProbe.failureThreshold = 1000;
  return object;
}

const isOperator = ({ kind, metadata }: KubeObject) => kind === "Deployment" && metadata.name === "flagger";
const operatorName = (namespace: string) => (namespace === "" ? "flagger" : `flagger-${namespace}`);

/** Quick, and one for each namespace. Their own metrics are not scraped: no story reads them. */
function operatorsOf(manifest: KubeObject, namespaces: readonly string[]): readonly KubeObject[] {
  return namespaces.map((namespace) => {
    const object = structuredClone(manifest);
    const app = operatorName(namespace);
    object.metadata = { ...object.metadata, name: app, labels: { app } };
    object.spec.selector = { matchLabels: { app } };
    object.spec.template.metadata.labels = { app };
    object.spec.template.metadata.annotations["prometheus.io/scrape"] = "false";
    const [container] = object.spec.template.spec.containers;
    container.args.push("-interval-floor=500ms", ...(namespace === "" ? [] : [`-namespace=${namespace}`]));
    container.readinessProbe.periodSeconds = 1;
    return object;
  });
}

async function clear(fixture: Fixture, namespace: string): Promise<void> {
  const { sandbox, client, until } = fixture;
  await fixture.activeUsers.get(namespace)?.stop();
  const notAborted = new AbortController().signal;
  const remove = async (gone: ObjectRef) => {
    if (sandbox.cluster.get(gone.type, gone.namespace, gone.name) === undefined) return;
    await client.kube.delete(gone, {}, notAborted);
    await until(gone, "gone", (object) => object === undefined);
  };
  await remove({ type: RESOURCES.deployment, namespace: "istio-system", name: operatorName(namespace) });
  for (const { metadata } of sandbox.cluster.list(RESOURCES.canary, namespace)) {
    // No operator works on it any more.
    const canary = { type: RESOURCES.canary, namespace, name: metadata.name };
    await client.kube.mergePatch(canary, { metadata: { finalizers: null } }, {}, notAborted);
    for (const gate of ["gate", "rollback"]) await turnGate(fixture, canary, gate, "close");
  }
  await remove({ type: RESOURCES.namespace, namespace: "", name: namespace });
}

/** Its run has ended, and users have the right version. */
function isOver({ cluster }: Sandbox, namespace: string): boolean {
  const { phase, canaryWeight } = cluster.get(RESOURCES.canary, namespace, "podinfo")?.status ?? {};
  return (phase === "Succeeded" || phase === "Failed") && canaryWeight === 0;
}

/** Opens or closes a gate of the load tester. */
export async function turnGate(
  { sandbox, webhookToken }: Fixture,
  canary: Pick<ObjectRef, "name" | "namespace">,
  gate: string,
  way: "open" | "close",
): Promise<void> {
  const tester = sandbox.cluster.get(RESOURCES.service, "test", "flagger-loadtester");
  const body = JSON.stringify({ name: canary.name, namespace: canary.namespace });
  const headers = {
    "content-type": "application/json",
    authorization: `Bearer ${readFileSync(webhookToken, "utf8").trim()}`,
  };
  const answer = await fetch(`http://${tester?.spec?.clusterIP}/${gate}/${way}`, { method: "POST", headers, body });
  if (answer.status !== 202) throw new Error(`${gate}/${way}: ${answer.status} ${await answer.text()}`);
}

function untilAvailable(fixture: Fixture, namespace: string, name: string): Promise<KubeObject> {
  const ref = { type: RESOURCES.deployment, namespace, name };
  return fixture.until(ref, "available", (object) => (object?.status?.availableReplicas ?? 0) > 0);
}

function until(
  { cluster }: Sandbox,
  { type, namespace, name }: ObjectRef,
  what: string,
  holds: (object: KubeObject | undefined) => boolean,
): Promise<KubeObject> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const object = cluster.get(type, namespace, name);
      if (holds(object)) end(() => resolve(object ?? { apiVersion: "", kind: "", metadata: { name } }));
    };
    const patience = setTimeout(() => {
      const { status } = cluster.get(type, namespace, name) ?? {};
      const events = said({ cluster }, namespace, "podinfo").join("\n");
      const text = `${type.kind} ${namespace}/${name} is not ${what}: ${JSON.stringify(status)}\n${events}`;
      end(() => reject(new Error(text)));
    }, PATIENCE_MS);
    let ended = false;
    const stop = cluster.watch(type, ({ object }) => {
      if (!ended && object.metadata.name === name && (object.metadata.namespace ?? "") === namespace) look();
    });
    function end(settle: () => void): void {
      ended = true;
      clearTimeout(patience);
      // The watch may call back before `cluster.watch` has returned.
      queueMicrotask(() => stop());
      settle();
    }
    look();
  });
}

function said({ cluster }: Pick<Sandbox, "cluster">, namespace: string, canary: string): string[] {
  const about = cluster.list(RESOURCES.event, namespace).filter(isAbout(canary));
  // Events have times in seconds only; their versions show the order.
  about.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  return about.map((event) => String(event["message"]));
}

const isAbout = (canary: string) => (event: KubeObject) =>
  event["involvedObject"]?.kind === "Canary" && event["involvedObject"]?.name === canary;

function heard(sandbox: Sandbox, namespace: string, text: string, canary: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      stop();
      reject(new Error(`no event said "${text}" of ${canary}:\n${said(sandbox, namespace, canary).join("\n")}`));
    };
    const patience = setTimeout(fail, PATIENCE_MS);
    const stop = sandbox.cluster.watch(RESOURCES.event, ({ object }) => {
      if (object.metadata.namespace !== namespace || !isAbout(canary)(object)) return;
      if (!String(object["message"]).includes(text)) return;
      clearTimeout(patience);
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

/** Knows the operators' processes, by namespace. */
function runningOperators() {
  const pids = new Map<string, number>();
  const started = new Map<string, () => void>();
  const killed = createNews();
  const silenced = createNews();
  return {
    untilKilled: killed.until,
    untilSilenced: silenced.until,
    watched: (apps: (services: SandboxServices) => AppTable, services: SandboxServices): AppTable => {
      const table = apps(services);
      return (image) => {
        const app = image.repository.endsWith("/podinfo-erratic") ? createPodinfo(everySecond()) : table(image);
        if (app === undefined) return undefined;
        return async (context) => {
          const running: RunningApp & { readonly pid?: number | undefined } = await app(context);
          if (context.argv.includes("operator") && running.pid !== undefined) {
            const flag = context.argv.find((word) => word.startsWith("-namespace="));
            const namespace = flag?.slice("-namespace=".length) ?? "";
            pids.set(namespace, running.pid);
            started.get(namespace)?.();
          }
          return running;
        };
      };
    },
    /** Drops the records of a namespace. */
    forget(namespace: string): void {
      for (const known of [pids, started]) known.delete(namespace);
      for (const news of [killed, silenced]) news.forget(namespace);
    },
    /** @param isOver its Canary has come to an end */
    kill: (namespace: string, isOver: () => boolean): Promise<void> =>
      new Promise((resolve, reject) => {
        const pid = pids.get(namespace);
        if (pid === undefined) return reject(new Error(`no operator runs for namespace "${namespace}"`));
        // The last write of the killed operator may be seen after it has ended: the Canary is looked at again then.
        const look = () => {
          if (isOver()) silenced.tell(namespace);
        };
        started.set(namespace, () => {
          look();
          resolve();
        });
        killed.tell(namespace);
        look();
        process.kill(pid, "SIGKILL");
      }),
  };
}

/** Something that happens once in a namespace, and that callers wait for. */
function createNews() {
  const known = new Map<string, { readonly happened: Promise<void>; readonly tell: () => void }>();
  const of = (namespace: string) => {
    let tell = (): void => undefined;
    const news = known.get(namespace) ?? { happened: new Promise<void>((resolve) => (tell = resolve)), tell };
    known.set(namespace, news);
    return news;
  };
  return {
    until: (namespace: string): Promise<void> => of(namespace).happened,
    tell: (namespace: string): void => of(namespace).tell(),
    forget: (namespace: string): void => void known.delete(namespace),
  };
}

/** podinfo's random numbers under `--random-error`: one request fails with 500, the next one does not. */
function everySecond(): () => number {
  const draws = [0, 0, 0.9];
  let turn = 0;
  return () => draws[turn++ % draws.length] as number;
}
