/** One story: an application, its Canary and its users in a namespace of their own, and all that was seen and said. */
import {
  type KubeFields,
  type KubeObject,
  type ObjectRef,
  RESOURCES,
  type ResourceType,
} from "../../../src/ports/kubernetes.ts";
import { type CanaryParts, canary, deployment, namespace, PORT, type Revision } from "./manifests.ts";
import { type Town, turnGate } from "./town.ts";
import { type Answer, type Door, type Person, startUsers, type Users } from "./users.ts";

export interface Stage extends CanaryParts {
  /** The target and what belongs to it; a Deployment of podinfo 6.0.0 when absent. */
  readonly target?: readonly KubeObject[];
  readonly people?: (doors: Doors) => readonly Person[];
  /** Of all users together; 10 when absent. */
  readonly requestsPerSecond?: number;
  /** The target, once it has nothing to do; absent: it is scaled to zero. */
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
  readonly apply: Town["apply"];
  /** Applies what makes the next revision; resolves when that has been noticed. */
  change(...objects: readonly KubeObject[]): Promise<void>;
  /** The next revision of the Deployment. */
  release(revision: Revision): Promise<void>;
  /** A gate of the load tester, opened or closed by hand. */
  turn(gate: "gate" | "rollback", way: "open" | "close"): Promise<void>;
  /** From now on the running pods of this app fail every request. */
  breakPods(app: string): Promise<void>;
  /** Resolves when the Canary said so. */
  heard(what: RegExp): Promise<void>;
  untilPhase(phase: string): Promise<KubeObject>;
  /** Of the canary, as its status says. */
  untilWeight(weight: number): Promise<KubeObject>;
  untilStatus(what: string, holds: (status: KubeFields) => boolean): Promise<KubeObject>;
  /** Deletes the Canary; resolves when it is gone. */
  leave(): Promise<void>;
  /** Waits for the phase, and for the target to have nothing to do; then the users go. */
  end(phase: string): Promise<Ending>;
  /** The users go, whatever has become of the Canary. */
  close(): Promise<Ending>;
  get(ref: Pick<ObjectRef, "type" | "name">): KubeObject | undefined;
  /** Events of the Canary since it was initialised, in the order in which they were written, without waits for pods. */
  timeline(): string[];
  /** The same with the waits, word by word. */
  everything(): string[];
  /** Weights of the VirtualService, or of a Knative Service, since then: "80/20", "80/20 mirrored". */
  routes(): string[];
}

/** What users saw from the initialisation to the end. */
export interface Ending {
  readonly answers: readonly Answer[];
  /** Answers that no user should see, other than what `--random-error` made: always to be empty. */
  readonly dropped: readonly string[];
  /** Requests failed by the program, on purpose. */
  readonly injected: number;
  /** Requests that the primary, whichever its revision, answered with 5xx. */
  readonly failedByPrimary: number;
  /** How many users' requests each version answered. */
  readonly versions: Readonly<Record<string, number>>;
}

const RUN: readonly string[] = ["Progressing", "Waiting", "WaitingPromotion", "Promoting", "Finalising"];

/** What can be at rest, besides a Deployment. */
const KINDS: Readonly<Record<string, ResourceType>> = {
  DaemonSet: RESOURCES.daemonSet,
  StatefulSet: RESOURCES.statefulSet,
};

const PATIENCE_MS = 90_000;

const END = /Canary failed!|Promotion completed!|Restored/;

/** Applies the target and its Canary, waits until the primary has taken over, and lets the users in. */
export async function stage(town: Town, name: string, plot: Stage): Promise<Story> {
  const { people = ({ ingress, service }) => [{ doors: [ingress, service] }], requestsPerSecond = 10 } = plot;
  const { target = [deployment(name, { version: "6.0.0", replicas: 1 })] } = plot;
  const { cluster } = town.sandbox;
  await town.apply(namespace(name), ...target, canary(name, plot));
  const canaryRef = { type: RESOURCES.canary, namespace: name, name: "podinfo" };
  const untilStatus = (what: string, holds: (status: KubeFields) => boolean) =>
    town.until(canaryRef, what, (object) => holds(object?.status ?? {}));
  const { provider = "istio" } = plot.spec ?? {};
  const byKnative = provider === "knative";
  const kind = byKnative ? RESOURCES.knativeService : (KINDS[plot.kind ?? ""] ?? RESOURCES.deployment);
  const { atRest = (object) => object?.spec?.replicas === 0 && (object.status?.replicas ?? 0) === 0 } = plot;
  const untilAtRest = () => town.until({ type: kind, namespace: name, name: "podinfo" }, "at rest", atRest);
  await untilStatus("Initialized", ({ phase }) => phase === "Initialized");
  await untilAtRest();
  // The status is written before what follows from it: an operator killed in between leaves the routes to the next one.
  if (provider === "istio") {
    const routes = { type: RESOURCES.virtualService, namespace: name, name: "podinfo" };
    await town.until(routes, "there", (object) => object?.spec?.http !== undefined);
  }
  const service = cluster.get(RESOURCES.service, name, "podinfo");
  const doors = {
    ingress: { url: town.sandbox.ingressUrl, host: `${byKnative ? "podinfo." : ""}${name}.example.com` },
    service: { url: `http://${service?.spec?.clusterIP}:${byKnative ? 80 : PORT}` },
  };
  const change = async (...objects: readonly KubeObject[]) => {
    const { lastAppliedSpec } = cluster.get(canaryRef.type, name, "podinfo")?.status ?? {};
    await town.apply(...objects);
    await untilStatus("begun", (status) => RUN.includes(status.phase) || status.lastAppliedSpec !== lastAppliedSpec);
  };
  const said = listen(town, name);
  await Promise.race([said.until(/Initialization done!/), town.untilKilled(name)]);
  const users = startUsers(people(doors), requestsPerSecond);
  town.guests.set(name, users);
  await users.until("the first revision", (answers) => answers.some(({ status }) => status === 200));
  const close = async () => {
    await users.stop();
    return endingOf(town, name, users.answers);
  };
  return {
    users,
    doors,
    apply: town.apply,
    change,
    release: (revision) => change(deployment(name, { replicas: 1, ...revision })),
    turn: (gate, way) => turnGate(town, { namespace: name, name: "podinfo" }, gate, way),
    breakPods: (app) => breakPods(town, name, app),
    heard: said.until,
    untilStatus,
    async leave() {
      await town.client.kube.delete(canaryRef, {}, new AbortController().signal);
      await town.until(canaryRef, "gone", (object) => object === undefined);
    },
    untilPhase: (phase) => untilStatus(phase, (status) => status.phase === phase),
    untilWeight: (weight) => untilStatus(`at ${weight}`, (status) => status.canaryWeight === weight),
    async end(phase) {
      const { status } = await untilStatus(
        "at an end",
        (now) => !RUN.includes(now.phase) && now.phase !== "Initialized",
      );
      // The last words of an operator that is killed there may be missing; its successor says what it brought to an end.
      await Promise.race([said.until(END), town.untilSilenced(name)]);
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

async function breakPods(town: Town, namespace: string, app: string): Promise<void> {
  const pods = town.sandbox.cluster
    .list(RESOURCES.pod, namespace)
    .filter(({ metadata }) => metadata.labels?.["app"] === app && metadata.deletionTimestamp === undefined)
    .filter(({ status }) => status?.phase === "Running");
  if (pods.length === 0) throw new Error(`no pod of ${app} runs in ${namespace}`);
  for (const { status } of pods) {
    await fetch(`http://${status.podIP}:${PORT}/fault_injection/enable`, { method: "POST" });
  }
}

function endingOf({ sandbox }: Town, name: string, answers: readonly Answer[]): Ending {
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

/** What depends on the machine's speed: which pods are not ready yet, and whether the first metrics are there already. */
const WAITS = /rollout to finish|^\S+ not ready: |no values found|^Knative Revision \S+ (is not ready|get query error)/;

/** Keeps what is said of the Canary from now on, with measured values left out and repetitions said once. */
function listen(town: Town, name: string) {
  const { cluster } = town.sandbox;
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
    // Said again by the successor of an operator that was killed, it is no new beginning.
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
      const fail = () => reject(new Error(`${name}: nobody said ${what}:\n${everything.join("\n")}`));
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

/** Rule by rule: primary/canary. A lone destination gets everything. */
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
