/** One story: an application, its Canary and its users in one namespace, and all events and answers. */
import {
  type KubeFields,
  type KubeObject,
  type ObjectRef,
  RESOURCES,
  type ResourceType,
} from "../../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../patience.ts";
import { type Fixture, turnGate } from "./fixture.ts";
import { type CanaryParts, canary, deployment, namespace, PORT, type Revision } from "./manifests.ts";
import { type Answer, type Door, type Person, startUsers, type Users } from "./users.ts";

export interface Stage extends CanaryParts {
  /** The target and its objects; a Deployment of podinfo 6.0.0 when absent. */
  readonly target?: readonly KubeObject[];
  readonly people?: (doors: Doors) => readonly Person[];
  /** Requests per second of all users together; 6 when absent. */
  readonly requestsPerSecond?: number;
  /** The target when it is idle; absent: it is scaled to zero. */
  readonly atRest?: (target: KubeObject | undefined) => boolean;
}

export interface Doors {
  readonly ingress: Door;
  /** Address of the Service that users inside the cluster call. */
  readonly service: Door;
}

export interface Story {
  readonly users: Users;
  readonly doors: Doors;
  readonly apply: Fixture["apply"];
  /** Applies the next revision; resolves when the operator has noticed it. */
  change(...objects: readonly KubeObject[]): Promise<void>;
  /** The next revision of the Deployment. */
  release(revision: Revision): Promise<void>;
  /** A gate of the load tester, opened or closed by hand. */
  turn(gate: "gate" | "rollback", way: "open" | "close"): Promise<void>;
  /** From now on the running pods of this app fail every request. */
  breakPods(app: string): Promise<void>;
  /** Resolves when an event of the Canary contains this. */
  heard(what: RegExp): Promise<void>;
  untilPhase(phase: string): Promise<KubeObject>;
  /** The canary's weight, as its status says. */
  untilWeight(weight: number): Promise<KubeObject>;
  untilStatus(what: string, holds: (status: KubeFields) => boolean): Promise<KubeObject>;
  /** Deletes the Canary; resolves when it is gone. */
  leave(): Promise<void>;
  /** Waits for the phase, and until the target is idle; then the users stop. */
  end(phase: string): Promise<Ending>;
  /** The users stop, in any state of the Canary. */
  close(): Promise<Ending>;
  get(ref: Pick<ObjectRef, "type" | "name">): KubeObject | undefined;
  /** Events of the Canary since it was initialised, in the order in which they were written, without waits for pods. */
  timeline(): string[];
  /** The same events with the waits, unchanged. */
  everything(): string[];
  /** Weights of the VirtualService, or of a Knative Service, since then: "80/20", "80/20 mirrored". */
  routes(): string[];
}

/** The users' requests from the initialisation to the end. */
export interface Ending {
  readonly answers: readonly Answer[];
  /** Answers that no user should see, except those of `--random-error`: always empty. */
  readonly dropped: readonly string[];
  /** Requests that the program failed on purpose. */
  readonly injected: number;
  /** Requests that the primary, in any revision, answered with 5xx. */
  readonly failedByPrimary: number;
  /** How many users' requests each version answered. */
  readonly versions: Readonly<Record<string, number>>;
}

const RUN: readonly string[] = ["Progressing", "Waiting", "WaitingPromotion", "Promoting", "Finalising"];

/** Kinds of target that can be idle, besides a Deployment. */
const KINDS: Readonly<Record<string, ResourceType>> = {
  DaemonSet: RESOURCES.daemonSet,
  StatefulSet: RESOURCES.statefulSet,
};

const END = /Canary failed!|Promotion completed!|Restored/;

/** Applies the target and its Canary, waits until the primary has taken over, and starts the users. */
export async function stage(fixture: Fixture, name: string, plot: Stage): Promise<Story> {
  const { people = ({ ingress, service }) => [{ doors: [ingress, service] }], requestsPerSecond = 6 } = plot;
  const { target = [deployment(name, { version: "6.0.0", replicas: 1 })] } = plot;
  const { cluster } = fixture.sandbox;
  await fixture.apply(namespace(name), ...target, canary(name, plot));
  const canaryRef = { type: RESOURCES.canary, namespace: name, name: "podinfo" };
  const untilStatus = (what: string, holds: (status: KubeFields) => boolean) =>
    fixture.until(canaryRef, what, (object) => holds(object?.status ?? {}));
  const { provider = "istio" } = plot.spec ?? {};
  const byKnative = provider === "knative";
  const kind = byKnative ? RESOURCES.knativeService : (KINDS[plot.kind ?? ""] ?? RESOURCES.deployment);
  const { atRest = (object) => object?.spec?.replicas === 0 && (object.status?.replicas ?? 0) === 0 } = plot;
  const untilAtRest = () => fixture.until({ type: kind, namespace: name, name: "podinfo" }, "at rest", atRest);
  await untilStatus("Initialized", ({ phase }) => phase === "Initialized");
  await untilAtRest();
  // The status is written before its consequences: an operator killed in between leaves the routes to the next one.
  if (provider === "istio") {
    const routes = { type: RESOURCES.virtualService, namespace: name, name: "podinfo" };
    await fixture.until(routes, "there", (object) => object?.spec?.http !== undefined);
  }
  const service = cluster.get(RESOURCES.service, name, "podinfo");
  const doors = {
    ingress: { url: fixture.sandbox.ingressUrl, host: `${byKnative ? "podinfo." : ""}${name}.example.com` },
    service: { url: `http://${service?.spec?.clusterIP}:${byKnative ? 80 : PORT}` },
  };
  const change = async (...objects: readonly KubeObject[]) => {
    const { lastAppliedSpec } = cluster.get(canaryRef.type, name, "podinfo")?.status ?? {};
    await fixture.apply(...objects);
    await untilStatus("begun", (status) => RUN.includes(status.phase) || status.lastAppliedSpec !== lastAppliedSpec);
  };
  const said = listen(fixture, name);
  await Promise.race([said.until(/Initialization done!/), fixture.untilKilled(name)]);
  const users = startUsers(people(doors), requestsPerSecond);
  fixture.activeUsers.set(name, users);
  await users.until("the first revision", (answers) => answers.some(({ status }) => status === 200));
  const close = async () => {
    await users.stop();
    return endingOf(fixture, name, users.answers);
  };
  return {
    users,
    doors,
    apply: fixture.apply,
    change,
    release: (revision) => change(deployment(name, { replicas: 1, ...revision })),
    turn: (gate, way) => turnGate(fixture, { namespace: name, name: "podinfo" }, gate, way),
    breakPods: (app) => breakPods(fixture, name, app),
    heard: said.until,
    untilStatus,
    async leave() {
      await fixture.client.kube.delete(canaryRef, {}, new AbortController().signal);
      await fixture.until(canaryRef, "gone", (object) => object === undefined);
    },
    untilPhase: (phase) => untilStatus(phase, (status) => status.phase === phase),
    untilWeight: (weight) => untilStatus(`at ${weight}`, (status) => status.canaryWeight === weight),
    async end(phase) {
      const { status } = await untilStatus(
        "at an end",
        (now) => !RUN.includes(now.phase) && now.phase !== "Initialized",
      );
      // The last events of a killed operator may be missing; its successor reports the end.
      await Promise.race([said.until(END), fixture.untilSilenced(name)]);
      if (status.phase !== phase) throw new Error(`${name} ended ${status.phase}:\n${said.everything().join("\n")}`);
      await untilAtRest();
      return close();
    },
    close,
    get: ({ type, name: object }) => cluster.get(type, name, object),
    timeline: said.lines,
    everything: said.everything,
    routes: said.routes,
  };
}

async function breakPods(fixture: Fixture, namespace: string, app: string): Promise<void> {
  const pods = fixture.sandbox.cluster
    .list(RESOURCES.pod, namespace)
    .filter(({ metadata }) => metadata.labels?.["app"] === app && metadata.deletionTimestamp === undefined)
    .filter(({ status }) => status?.phase === "Running");
  if (pods.length === 0) throw new Error(`no pod of ${app} runs in ${namespace}`);
  for (const { status } of pods) {
    await fetch(`http://${status.podIP}:${PORT}/fault_injection/enable`, { method: "POST" });
  }
}

function endingOf({ sandbox }: Fixture, name: string, answers: readonly Answer[]): Ending {
  const unexpected = answers.filter(({ status, injected }) => status !== 200 && !injected);
  const versions: Record<string, number> = {};
  for (const { version } of answers) if (version !== "") versions[version] = (versions[version] ?? 0) + 1;
  const failed = sandbox.mesh
    .totals()
    .filter(({ workload, namespace: of, code }) => workload === "podinfo-primary" && of === name && code >= 500);
  return {
    answers,
    dropped: unexpected.map((answer) => {
      const { status, text, ms } = answer;
      return `${status} ${text.slice(0, 100)} after ${Math.round(ms)} ms, answer ${answers.indexOf(answer)}`;
    }),
    injected: answers.filter(({ injected }) => injected).length,
    failedByPrimary: failed.reduce((sum, { requests }) => sum + requests, 0),
    versions,
  };
}

/**
 * Events that depend on the machine's speed: which pods are not ready yet, why not, whether the first metrics exist,
 * and late answers of Prometheus.
 */
const WAITS =
  /rollout to finish|^\S+ not ready: |pods cannot start: |no values found|^Knative Revision \S+ (is not ready|get query error)|^Prometheus query failed.*(no answer within|no healthy upstream)/;

/** Records the Canary's events from now on, without measured values and repetitions. */
function listen(fixture: Fixture, name: string) {
  const { cluster } = fixture.sandbox;
  const lines: string[] = [];
  const everything: string[] = [];
  const waiting = new Set<() => void>();
  const routes: string[] = [];
  const counts = new Map<string, number>();
  const add = (list: string[], line: string) => {
    if (list.at(-1) !== line) list.push(line);
  };
  cluster.watch(RESOURCES.event, ({ type, object }) => {
    const { metadata } = object;
    if (type === "DELETED" || metadata.namespace !== name || object["involvedObject"]?.kind !== "Canary") return;
    if (counts.get(metadata.name) === object["count"]) return;
    counts.set(metadata.name, object["count"]);
    const message = String(object["message"]);
    everything.push(message);
    for (const look of [...waiting]) look();
    // The successor of an operator that was killed before the run repeats these events; they are no new beginning.
    if (/metrics providers are available!/.test(message)) return;
    if (/Initialization done!/.test(message)) {
      if (!lines.some((line) => line.startsWith("New revision"))) lines.length = 0;
    } else if (!WAITS.test(message))
      add(lines, message.replaceAll(`.${name}`, "").replace(/[\d.]+(%|s)? ([<>]) /, "N $2 "));
  });
  cluster.watch(RESOURCES.virtualService, ({ type, object }) => {
    if (type === "DELETED" || object.metadata.namespace !== name) return;
    add(routes, routesOf(object));
  });
  cluster.watch(RESOURCES.knativeService, ({ type, object }) => {
    if (type === "DELETED" || object.metadata.namespace !== name) return;
    const shares = (object.spec?.traffic ?? []).map(({ percent }: KubeFields) => percent);
    if (shares.length === 2) add(routes, `${shares[1]}/${shares[0]}`);
  });
  const until = (what: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`${name}: no event said ${what}:\n${everything.join("\n")}`));
      const patience = setTimeout(fail, PATIENCE_MS);
      const look = () => {
        if (!everything.some((message) => what.test(message))) return;
        waiting.delete(look);
        clearTimeout(patience);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { lines: () => [...lines], everything: () => [...everything], routes: () => [...routes], until };
}

/** Rule by rule: primary/canary. A single destination gets everything. */
function routesOf({ spec }: KubeObject): string {
  const rules: readonly KubeFields[] = spec?.http ?? [];
  const texts = rules.map(({ route, mirror, match }) => {
    const weight = (suffix: string): number => {
      const found = route.find(({ destination }: KubeFields) => destination.host === `podinfo${suffix}`);
      if (found === undefined) return 0;
      return route.length === 1 ? 100 : found.weight;
    };
    return `${match === undefined ? "" : "matched "}${weight("-primary")}/${weight("-canary")}${mirror ? " mirrored" : ""}`;
  });
  return texts.join(", ");
}
