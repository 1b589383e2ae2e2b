/**
 * A whole small cluster in memory for tests: the real store, controllers and kubelet; programs that do as the test
 * says.
 */
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { claimAddressBlock } from "../addresses.ts";
import { createStore, type Store } from "../api-server/store.ts";
import type { App, AppContext, AppTable } from "../apps.ts";
import { type Kubelet, startKubelet } from "../kubelet/index.ts";
import { type AutoscalerOptions, type KedaOptions, startControllers } from "./index.ts";

/** A program under the test's hand: it serves nothing, starts when allowed to, and exits when told. */
export interface Puppet {
  readonly context: AppContext;
  exit(code: number): void;
  /** Set once stop() was called. */
  stopped: boolean;
}

export interface Testbed {
  readonly store: Store;
  readonly kubelet: Kubelet;
  /** All that were started, oldest first. */
  readonly puppets: Puppet[];
  /** Programs of an image tag start only after `gate` resolves; set per tag. */
  readonly gates: Map<string, () => Promise<void>>;
  /** Called when a program is told to stop. */
  onStop: (puppet: Puppet) => void;
  /** What controllers and kubelet reported as going wrong. */
  readonly reports: string[];
  apply(object: KubeObject): KubeObject;
  get(type: ResourceType, name: string): KubeObject | undefined;
  pods(): readonly KubeObject[];
  /** Messages of events about an object of this name, oldest first: "Reason: message". */
  events(name: string): string[];
  change(type: ResourceType, name: string, change: (copy: KubeObject) => void): void;
  /** Waits until nothing has changed for a while. */
  settle(): Promise<void>;
  /** Waits until the condition holds. */
  until(what: string, holds: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface TestbedOptions {
  readonly clock: Clock;
  readonly apps?: AppTable;
  readonly autoscaler?: AutoscalerOptions;
  readonly keda?: KedaOptions;
  readonly crds?: readonly KubeObject[];
  readonly drainMs?: number;
}

const QUIET_ROUNDS = 12;
const round = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function startTestbed({
  clock,
  apps,
  autoscaler,
  keda,
  crds = [],
  drainMs = 0,
}: TestbedOptions): Promise<Testbed> {
  const addresses = await claimAddressBlock();
  const store = createStore({ clock, addresses });
  for (const crd of crds) store.create(RESOURCES.crd, crd);
  const reports: string[] = [];
  const report = (message: string) => void reports.push(message);
  const puppets: Puppet[] = [];
  const gates: Testbed["gates"] = new Map();
  const puppetApp: App = async (context) => {
    await gates.get(context.image.split(":")[1] ?? "")?.();
    return runPuppet(context, puppets, (puppet) => bed.onStop(puppet));
  };
  const table: AppTable = (image) => apps?.(image) ?? (image.repository === "puppet" ? puppetApp : undefined);
  const controllers = startControllers(store, {
    clock,
    report,
    ...(autoscaler && { autoscaler }),
    ...(keda && { keda }),
  });
  const kubelet = startKubelet(store, { addresses, apps: table, clock, drainMs, report });
  const get = (type: ResourceType, name: string) => store.get(type, type.namespaced ? "default" : "", name);
  const bed: Testbed = {
    store,
    kubelet,
    puppets,
    gates,
    onStop: () => {},
    reports,
    apply: (object) => store.create(typeOf(object), structuredClone(object)),
    get,
    pods: () => store.list(RESOURCES.pod, "default"),
    events: (name) =>
      store
        .list(RESOURCES.event)
        .filter((event) => event["involvedObject"].name === name)
        .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
        .map((event) => `${event["reason"]}: ${event["message"]}`),
    change: (type, name, change) => {
      const live = get(type, name);
      if (live === undefined) throw new Error(`no ${type.kind} ${name}`);
      const copy = structuredClone(live);
      change(copy);
      store.update(type, copy);
    },
    settle: async () => {
      let seen = -1;
      for (let quiet = 0; quiet < QUIET_ROUNDS; quiet += 1) {
        if (store.version() !== seen) quiet = 0;
        seen = store.version();
        await round();
      }
    },
    until: async (what, holds) => {
      const started = performance.now();
      while (!holds()) {
        await round();
        if (performance.now() - started > 20_000) throw new Error(`never came true: ${what}`);
      }
    },
    stop: async () => {
      await controllers.stop();
      await kubelet.stop();
      await addresses.release();
    },
  };
  return bed;
}

function runPuppet(context: AppContext, puppets: Puppet[], onStop: (puppet: Puppet) => void) {
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    exit = resolve;
  });
  const puppet: Puppet = { context, exit: (code) => exit(code), stopped: false };
  puppets.push(puppet);
  return {
    exited,
    stop: async () => {
      puppet.stopped = true;
      onStop(puppet);
      exit(0);
    },
  };
}

function typeOf({ apiVersion, kind }: KubeObject): ResourceType {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const known = Object.values(RESOURCES).find((type) => type.kind === kind && type.group === group);
  if (known !== undefined) return known;
  const plural = `${kind.toLowerCase()}s`;
  return { group, version: apiVersion.slice(slash + 1), kind, plural, namespaced: kind !== "Node" };
}

/** A pod template of puppets. @param tag names the version */
export function puppetTemplate(app: string, tag = "1", spec: KubeFields = {}, container: KubeFields = {}): KubeFields {
  const ports = [{ name: "http", containerPort: 9898 }];
  return {
    metadata: { labels: { app } },
    spec: { containers: [{ name: "app", image: `puppet:${tag}`, ports, ...container }], ...spec },
  };
}

/** A Deployment of puppets in the namespace "default". */
export function puppetDeployment(name: string, spec: KubeFields = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: puppetTemplate(name), ...spec },
  };
}

/** A Service for the pods labelled app=name. */
export function serviceFor(
  name: string,
  ports: KubeFields[] = [{ name: "http", port: 80, targetPort: "http" }],
): KubeObject {
  const metadata = { name, namespace: "default" };
  return { apiVersion: "v1", kind: "Service", metadata, spec: { selector: { app: name }, ports } };
}
