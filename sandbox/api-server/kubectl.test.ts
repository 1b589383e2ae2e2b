/**
 * The verbs that people use, on a cluster with controllers and a node: once with the kubectl of this machine, once over
 * plain HTTP. KUBECTL=/path/to/kubectl chooses another one; without any, only plain HTTP remains.
 */
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../test/patience.ts";
import { type AddressBlock, claimAddressBlock } from "../addresses.ts";
import type { App } from "../apps.ts";
import { startControllers } from "../controllers/index.ts";
import { type Kubelet, startKubelet } from "../kubelet/index.ts";
import { externalServer, type TestClient, type TestServer, testClient } from "./http/test-client.ts";
import { type ApiServer, startApiServer } from "./index.ts";

const KUBECTL = process.env.KUBECTL ?? "kubectl";
const installed = spawnSync(KUBECTL, ["version", "--client"]).status === 0;
if (!installed) process.stderr.write(`no ${KUBECTL} here: its verbs are tried over plain HTTP only\n`);

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1.0.0", ports: [{containerPort: 8080}], env: [{name: A, value: "1"}]}
`;
const SERVICE = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
const CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, minimum: 1, description: How big it is.}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

/**
 * With APISERVER (see test-client.ts) another cluster, whose pods get ready but need not be real: they have no logs.
 */
const external = externalServer();
const sandboxed = external === undefined;
const RUN = Date.now().toString(36);
const TESTS = `kube-tests-${RUN}`;
const WIDGETS = `widgets-${RUN}`;

let addresses: AddressBlock;
let server: ApiServer;
let controllers: { stop(): Promise<void> };
let kubelet: Kubelet;
let http: TestClient;
let folder: string;

const web: App = async ({ address, ports, image, log }) => {
  const program = createServer((_request, response) => response.end(image));
  const [port] = ports;
  await new Promise<void>((resolve) => program.listen(port?.containerPort ?? 0, address, resolve));
  log(`serving ${image}`);
  return {
    exited: new Promise<number>(() => {}),
    stop: () =>
      new Promise<void>((resolve) => {
        program.close(() => resolve());
        program.closeAllConnections();
      }),
  };
};

beforeAll(async () => {
  if (sandboxed) await startCluster();
  http = testClient(external ?? server);
  folder = mkdtempSync(join(tmpdir(), "aviary-kubectl-"));
  writeFileSync(join(folder, "kubeconfig"), external === undefined ? server.kubeconfig : kubeconfigOf(external));
  await http.send("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: WIDGETS } });
});

async function startCluster(): Promise<void> {
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  controllers = startControllers(server.cluster);
  kubelet = startKubelet(server.cluster, {
    addresses,
    apps: ({ repository }) => (repository === "web" ? web : undefined),
  });
  server.setLogs(kubelet.logs);
}

function kubeconfigOf({ url, ca, token }: TestServer): string {
  const cluster = { server: url, "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const context = { cluster: "c", user: "u", namespace: "default" };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "c", context }],
    "current-context": "c",
  });
}

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await http.send("DELETE", `/api/v1/namespaces/${WIDGETS}`);
  if (!sandboxed) return;
  await controllers.stop();
  await kubelet.stop();
  await server.stop();
  await addresses.release();
});

const options = () => ["--kubeconfig", join(folder, "kubeconfig"), "--cache-dir", join(folder, "cache")];

/** Output and errors of a kubectl call, in that order; the exit code only when it is not 0. */
function kubectl(args: readonly string[], input = "", env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve) => {
    const settings = { env: { ...process.env, KUBE_EDITOR: "false", ...env }, timeout: PATIENCE_MS };
    const child = execFile(KUBECTL, [...options(), ...args], settings, (error, stdout, stderr) => {
      resolve(`${stdout}${stderr}${error === null ? "" : `exit ${error.code}`}`.trim());
    });
    child.stdin?.end(input);
  });
}

/** What both ways to the cluster can do. */
interface Driver {
  readonly name: string;
  create(namespace: string, manifest: string): Promise<void>;
  /** Server-side apply of one object. */
  apply(namespace: string, manifest: string): Promise<void>;
  get(namespace: string, type: string, name: string): Promise<KubeObject | undefined>;
  /** Header and rows as printed; ages are left out. */
  table(namespace: string, type: string): Promise<string[]>;
  patch(
    namespace: string,
    type: string,
    name: string,
    kind: "strategic" | "merge" | "json",
    patch: unknown,
  ): Promise<void>;
  scale(namespace: string, type: string, name: string, replicas: number): Promise<void>;
  /** Resolves when the Deployment is rolled out. */
  rolledOut(namespace: string, name: string): Promise<void>;
  logs(namespace: string, pod: string): Promise<string>;
  remove(namespace: string, type: string, name: string, cascade: "background" | "foreground"): Promise<void>;
}

const PATHS: Readonly<Record<string, string>> = {
  deployments: "apis/apps/v1",
  replicasets: "apis/apps/v1",
  widgets: "apis/example.org/v1",
  customresourcedefinitions: "apis/apiextensions.k8s.io/v1",
};
const PLURALS: Readonly<Record<string, string>> = {
  Deployment: "deployments",
  Service: "services",
  Namespace: "namespaces",
  Widget: "widgets",
  CustomResourceDefinition: "customresourcedefinitions",
};
const CLUSTER_SCOPED = new Set(["namespaces", "customresourcedefinitions"]);

const pathOf = (namespace: string, type: string, name = "") => {
  const scope = CLUSTER_SCOPED.has(type) ? "" : `namespaces/${namespace}/`;
  return `/${PATHS[type] ?? "api/v1"}/${scope}${type}${name === "" ? "" : `/${name}`}`;
};

async function send(method: string, path: string, body?: unknown, type?: string): Promise<KubeFields> {
  const reply = await http.send(method, path, body, type === undefined ? {} : { "content-type": type });
  if (reply.code >= 300) throw new Error(`${method} ${path}: ${reply.json?.message ?? reply.text}`);
  return reply.json;
}

const rolledOut = ({ metadata, spec, status = {} }: KubeObject) =>
  status.observedGeneration >= (metadata.generation ?? 0) &&
  status.updatedReplicas === spec.replicas &&
  status.replicas === spec.replicas &&
  status.availableReplicas === spec.replicas;

const plainHttp: Driver = {
  name: "plain HTTP",
  create: async (namespace, manifest) => {
    const object = parseYaml(manifest);
    await send("POST", pathOf(namespace, PLURALS[object.kind] ?? ""), object);
  },
  apply: async (namespace, manifest) => {
    const { kind, metadata } = parseYaml(manifest);
    const path = `${pathOf(namespace, PLURALS[kind] ?? "", metadata.name)}?fieldManager=kubectl`;
    await send("PATCH", path, manifest, "application/apply-patch+yaml");
  },
  get: async (namespace, type, name) => {
    const reply = await http.send("GET", pathOf(namespace, type, name));
    return reply.code === 404 ? undefined : reply.json;
  },
  table: async (namespace, type) => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const { json } = await http.send("GET", pathOf(namespace, type), undefined, { accept });
    const shown = json.columnDefinitions.flatMap((column: KubeFields, index: number) =>
      column.priority === 0 && column.name !== "Age" ? [index] : [],
    );
    const line = (cells: readonly unknown[]) =>
      shown
        .map((index: number) => String(cells[index] ?? ""))
        .join(" ")
        .trim();
    const header = json.columnDefinitions.map((column: KubeFields) => column.name.toUpperCase());
    return [line(header), ...json.rows.map((row: KubeFields) => line(row.cells))];
  },
  patch: async (namespace, type, name, kind, patch) => {
    const mediaType = kind === "strategic" ? "strategic-merge-patch" : `${kind}-patch`;
    await send("PATCH", pathOf(namespace, type, name), patch, `application/${mediaType}+json`);
  },
  scale: async (namespace, type, name, replicas) => {
    const path = `${pathOf(namespace, type, name)}/scale`;
    await send("PATCH", path, { spec: { replicas } }, "application/merge-patch+json");
  },
  rolledOut: async (namespace, name) => {
    const stream = await http.watch(
      `${pathOf(namespace, "deployments")}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3D${name}`,
    );
    expect(await stream.next(({ object }) => rolledOut(object))).toBeDefined();
    stream.close();
  },
  logs: async (namespace, pod) => (await http.send("GET", `${pathOf(namespace, "pods", pod)}/log`)).text.trim(),
  remove: async (namespace, type, name, cascade) => {
    const stream = await http.watch(
      `${pathOf(namespace, type)}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3D${name}`,
    );
    const propagationPolicy = cascade === "foreground" ? "Foreground" : "Background";
    await send("DELETE", pathOf(namespace, type, name), { propagationPolicy });
    expect(await stream.next((line) => line.type === "DELETED")).toBeDefined();
    stream.close();
  },
};

async function succeeds(args: readonly string[], input?: string): Promise<string> {
  const output = await kubectl(args, input);
  if (/exit \S+$/.test(output)) throw new Error(`kubectl ${args.join(" ")}: ${output}`);
  return output;
}

/** Old kubectl takes a leading brace for JSON. */
const asJson = (manifest: string) => JSON.stringify(parseYaml(manifest));

const withKubectl: Driver = {
  name: "kubectl",
  create: async (namespace, manifest) =>
    void (await succeeds(["-n", namespace, "create", "-f", "-"], asJson(manifest))),
  apply: async (namespace, manifest) => {
    await succeeds(["-n", namespace, "apply", "--server-side", "-f", "-"], asJson(manifest));
  },
  get: async (namespace, type, name) => {
    const text = await succeeds(["-n", namespace, "get", type, name, "-o", "json", "--ignore-not-found"]);
    return text === "" ? undefined : JSON.parse(text);
  },
  table: async (namespace, type) => {
    const lines = (await succeeds(["-n", namespace, "get", type])).split("\n");
    const start = lines[0]?.indexOf("AGE") ?? -1;
    const shown = start < 0 ? lines : lines.map((line) => line.slice(0, start));
    return shown.map((line) => line.trim().replace(/\s+/g, " "));
  },
  patch: async (namespace, type, name, kind, patch) => {
    await succeeds(["-n", namespace, "patch", type, name, "--type", kind, "-p", JSON.stringify(patch)]);
  },
  scale: async (namespace, type, name, replicas) => {
    await succeeds(["-n", namespace, "scale", type, name, `--replicas=${replicas}`]);
  },
  rolledOut: async (namespace, name) => {
    await succeeds(["-n", namespace, "rollout", "status", `deployment/${name}`, "--timeout=20s"]);
  },
  logs: (namespace, pod) => succeeds(["-n", namespace, "logs", pod]),
  remove: async (namespace, type, name, cascade) => {
    await succeeds(["-n", namespace, "delete", type, name, `--cascade=${cascade}`]);
  },
};

describe.each(installed ? [plainHttp, withKubectl] : [plainHttp])("verbs over $name", (driver) => {
  const namespace = `${driver.name.replace(/\W+/g, "-").toLowerCase()}-${RUN}`;

  it("runs a Deployment through its life", async () => {
    await driver.create("", `{apiVersion: v1, kind: Namespace, metadata: {name: ${namespace}}}`);
    await driver.apply(namespace, DEPLOYMENT);
    await driver.create(namespace, SERVICE);
    await driver.rolledOut(namespace, "web");
    expect(await driver.table(namespace, "deployments")).toEqual(["NAME READY UP-TO-DATE AVAILABLE", "web 2/2 2 2"]);
    const [header, ...pods] = await driver.table(namespace, "pods");
    expect(header).toBe("NAME READY STATUS RESTARTS");
    expect(pods.map((line) => line.replace(/^\S+ /, ""))).toEqual(["1/1 Running 0", "1/1 Running 0"]);
    if (sandboxed) expect(await driver.logs(namespace, pods[0]?.split(" ")[0] ?? "")).toContain("serving web:1.0.0");
    const address = (await driver.get(namespace, "services", "web"))?.spec.clusterIP;
    expect(await driver.table(namespace, "services")).toEqual([
      "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S)",
      `web ClusterIP ${address} <none> 80/TCP`,
    ]);

    await driver.patch(namespace, "deployments", "web", "strategic", {
      spec: { template: { spec: { containers: [{ name: "web", image: "web:1.0.1" }] } } },
    });
    await driver.patch(namespace, "deployments", "web", "merge", { metadata: { labels: { team: "a" } } });
    await driver.patch(namespace, "deployments", "web", "json", [
      { op: "add", path: "/metadata/annotations/n", value: "1" },
    ]);
    await driver.scale(namespace, "deployments", "web", 3);
    await driver.rolledOut(namespace, "web");
    const changed = await driver.get(namespace, "deployments", "web");
    expect(changed?.metadata.labels).toEqual({ app: "web", team: "a" });
    expect(changed?.spec.template.spec.containers[0]).toMatchObject({
      image: "web:1.0.1",
      env: [{ name: "A", value: "1" }],
    });
    expect(changed?.status.readyReplicas).toBe(3);
    // The image and the replicas belong to others now.
    await expect(driver.apply(namespace, DEPLOYMENT)).rejects.toThrow("conflict");
    await driver.remove(namespace, "deployments", "web", "foreground");
    expect((await driver.table(namespace, "replicasets")).slice(1).filter((line) => line.startsWith("web"))).toEqual(
      [],
    );
    await driver.remove("", "namespaces", namespace, "background");
    expect(await driver.get(namespace, "services", "web")).toBeUndefined();
  });

  it("serves custom resources while their definition is there", async () => {
    await driver.create("", CRD);
    await served(pathOf(WIDGETS, "widgets"));
    await driver.apply(WIDGETS, "{apiVersion: example.org/v1, kind: Widget, metadata: {name: w}, spec: {size: 2}}");
    await driver.scale(WIDGETS, "widgets", "w", 4);
    expect(await driver.table(WIDGETS, "widgets")).toEqual(["NAME SIZE READY", "w 4"]);
    await expect(driver.patch(WIDGETS, "widgets", "w", "merge", { spec: { size: 0 } })).rejects.toThrow(
      "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1",
    );
    await expect(driver.patch(WIDGETS, "widgets", "w", "strategic", { spec: { size: 1 } })).rejects.toThrow(
      "accepted media types include: application/json-patch+json, application/merge-patch+json",
    );
    await driver.remove("", "customresourcedefinitions", "widgets.example.org", "background");
  });
});

/** A new kind is served soon after its definition was made; nothing tells when. */
async function served(path: string): Promise<void> {
  while ((await http.send("GET", path)).code !== 200);
}

/** Registered only where kubectl is: a line above says so where it is not. */
const describeWithKubectl = installed ? describe : () => undefined;

describeWithKubectl("kubectl", () => {
  const k = (line: string, input?: string, env?: Record<string, string>) =>
    kubectl(["-n", TESTS, ...(line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ""))], input, env);

  beforeAll(async () => {
    expect(await k(`create namespace ${TESTS}`)).toBe(`namespace/${TESTS} created`);
  });

  it("applies from the client side, edits, shows differences, and says what is unchanged", async () => {
    const both = `${DEPLOYMENT}---${SERVICE}`;
    expect(await k("apply -f -", both)).toBe("deployment.apps/web created\nservice/web created");
    expect(await k("apply -f -", both)).toBe("deployment.apps/web unchanged\nservice/web unchanged");
    const next = both.replace("replicas: 2", "replicas: 1");
    const difference = await k("diff -f -", next);
    expect(difference).toMatch(/-\s+replicas: 2\n\+\s+replicas: 1/);
    expect(await k("apply -f -", next)).toBe("deployment.apps/web configured\nservice/web unchanged");
    const edited = await k("edit deployment web", "", { KUBE_EDITOR: "sed -i s/1.0.0/1.0.2/" });
    expect(edited).toBe("deployment.apps/web edited");
    expect(await k("set image deployment/web web=web:1.0.3")).toBe("deployment.apps/web image updated");
    expect(await k("label deployment web tier=front")).toBe("deployment.apps/web labeled");
    expect(await k("annotate deployment web note=hello")).toMatch(/^deployment.apps\/web annotated?$/);
    const managed = JSON.parse(await k("get deployment web -o json --show-managed-fields"));
    const managers = managed.metadata.managedFields.map(({ manager }: KubeFields) => manager);
    expect(managers).toEqual(expect.arrayContaining(["kubectl-client-side-apply", "kubectl-edit", "kubectl-set"]));
  });

  it("rolls out, back and again", async () => {
    expect(await k("rollout status deployment/web --timeout=20s")).toContain("successfully rolled out");
    expect(await k("rollout history deployment/web")).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+<none>/);
    expect(await k("rollout undo deployment/web")).toBe("deployment.apps/web rolled back");
    expect(await k("rollout status deployment/web --timeout=20s")).toContain("successfully rolled out");
    expect(await k("get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}'")).not.toBe("web:1.0.3");
    expect(await k("rollout restart deployment/web")).toBe("deployment.apps/web restarted");
    expect(await k("wait --for=condition=Available deployment/web --timeout=20s")).toBe(
      "deployment.apps/web condition met",
    );
  });

  it("describes, explains, lists and asks", async () => {
    const described = await k("describe deployment web");
    expect(described).toMatch(/StrategyType:\s+RollingUpdate/);
    expect(described).toMatch(/ScalingReplicaSet\s.*deployment-controller\s+Scaled up replica set web-/);
    expect(await k("describe service web")).toMatch(/Endpoints:\s+\d+\.\d+\.\d+\.\d+:8080/);
    expect(await k("explain deployment.spec.strategy")).toMatch(/rollingUpdate\s+<RollingUpdateDeployment>/);
    expect(await k("api-resources --api-group=apps")).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/);
    expect(await k("get events")).toMatch(/LAST SEEN\s+TYPE\s+REASON\s+OBJECT\s+MESSAGE/);
    expect(await k("auth can-i create deployments")).toBe("yes");
    expect(await k("auth can-i --list")).toContain("*.*");
    expect(await k("get configmap none")).toBe('Error from server (NotFound): configmaps "none" not found\nexit 1');
    expect(await k("get nonsense")).toContain(`the server doesn't have a resource type "nonsense"`);
  });

  it("creates everything that has a command of its own", async () => {
    const created = [
      ["configmap c --from-literal a=b", "configmap/c"],
      ["secret generic s --from-literal a=b", "secret/s"],
      ["serviceaccount a", "serviceaccount/a"],
      ["deployment d --image web:1.0.0 --port 8080", "deployment.apps/d"],
      ["service clusterip cs --tcp=80:8080", "service/cs"],
      ["service nodeport ns --tcp=80:8080", "service/ns"],
      ["job j --image web:1.0.0 -- true", "job.batch/j"],
      ["cronjob cj --image web:1.0.0 --schedule '* * * * *' -- true", "cronjob.batch/cj"],
      ["role r --verb get --resource pods", "role.rbac.authorization.k8s.io/r"],
      ["rolebinding rb --role r --serviceaccount default:a", "rolebinding.rbac.authorization.k8s.io/rb"],
      ["ingress i --rule example.org/path=web:80", "ingress.networking.k8s.io/i"],
      ["quota q --hard configmaps=20,pods=9", "resourcequota/q"],
      ["poddisruptionbudget b --selector app=web --min-available 1", "poddisruptionbudget.policy/b"],
      [`priorityclass p-${RUN} --value 100`, `priorityclass.scheduling.k8s.io/p-${RUN}`],
    ] as const;
    for (const [command, object] of created) expect(await k(`create ${command}`)).toBe(`${object} created`);
    expect(await k("run r --image web:1.0.0 --env X=Y --labels a=b")).toBe("pod/r created");
    expect(await k("autoscale deployment web --min 1 --max 5 --cpu-percent 50")).toContain("autoscaled");
    expect(await k("create token a")).toMatch(/^\S{20,}$/);
    const ingress = JSON.parse(await k("get ingress i -o json"));
    expect(ingress.spec.rules[0].http.paths[0].backend.service).toEqual({ name: "web", port: { number: 80 } });
    expect(JSON.parse(await k("get quota q -o json")).spec.hard).toEqual({ configmaps: "20", pods: "9" });
    expect(JSON.parse(await k("get service cs -o json")).spec.ports).toEqual([
      { name: "80-8080", port: 80, protocol: "TCP", targetPort: 8080 },
    ]);
    const every = await k(
      "get all,cm,secret,sa,ingress,quota,pdb,role,rolebinding,hpa,endpointslices,leases,nodes -o name",
    );
    for (const [, object] of created) if (!object.startsWith("priority")) expect(every).toContain(object);
  });

  it("refuses with the API server's words", async () => {
    const odd = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "odd" }, dataa: {} });
    expect(await k("apply -f -", odd)).toContain('strict decoding error: unknown field "dataa"');
    expect(await k("apply --validate=warn -f -", odd)).toBe('configmap/odd created\nWarning: unknown field "dataa"');
    expect(await k("create configmap Odd")).toContain("a lowercase RFC 1123 subdomain must consist of");
    const conflicts = await k("apply --server-side --field-manager=other -f -", DEPLOYMENT.replace("1.0.0", "2.0.0"));
    expect(conflicts).toContain("Apply failed with");
    expect(conflicts).toContain('.spec.template.spec.containers[name="web"].image');
    expect(await k("get --raw /nope")).toContain("the server could not find the requested resource");
  });

  it("watches until it has seen enough", async () => {
    const child = spawn(KUBECTL, [...options(), "-n", TESTS, "get", "configmaps", "-w", "-o", "name"]);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const seen: string[] = [];
    while (!seen.includes("configmap/odd")) seen.push((await lines.next()).value ?? "configmap/odd");
    expect(await k("create configmap late")).toBe("configmap/late created");
    expect((await lines.next()).value).toBe("configmap/late");
    child.kill();
  });

  it("deletes dependents, orphans them, and takes the namespace with all that is in it", async () => {
    expect(await k("delete deployment web --cascade=orphan")).toBe('deployment.apps "web" deleted');
    expect(await k("get replicasets -l app=web -o name")).toMatch(/^replicaset.apps\/web-/);
    expect(await k("delete configmaps --all")).toContain('configmap "c" deleted');
    expect(await k("delete pod r --grace-period=1")).toContain('pod "r" deleted');
    expect(await k(`delete priorityclass p-${RUN}`)).toContain("deleted");
    expect(await kubectl(["delete", "namespace", TESTS])).toBe(`namespace "${TESTS}" deleted`);
    expect(await k("get all")).toContain("No resources found");
  });
});
