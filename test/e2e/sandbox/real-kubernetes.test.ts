/**
 * The whole sandbox on kube-apiserver and etcd, as a user of kubectl sees it: pods come and go, logs, commands in pods,
 * ports, rights of ServiceAccounts, namespaces that end. Runs where the folder $KUBERNETES_PROGRAMS, or $PATH, has both
 * programs.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { whatIsMissing } from "../../../sandbox/programs/find.ts";
import { type Sandbox, startSandbox } from "../../../sandbox/sandbox.ts";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { PATIENCE_MS } from "../../patience.ts";

const run = promisify(execFile);
const programs = process.env["KUBERNETES_PROGRAMS"];

const MANIFEST = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      containers:
        - name: shop
          image: ghcr.io/stefanprodan/podinfo:6.0.0
          ports: [{ containerPort: 9898 }]
          readinessProbe: { httpGet: { path: /readyz, port: 9898 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: shop }
spec: { selector: { app: shop }, ports: [{ port: 80, targetPort: 9898 }] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: shop }
rules: [{ apiGroups: [""], resources: [pods], verbs: [list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: default, namespace: shop }]
`;

const missing = whatIsMissing(["etcd", "kube-apiserver"], programs) ?? whatIsMissing(["kubectl"], undefined);
if (missing !== undefined) process.stderr.write(`Kubernetes' own API server: not tried, ${missing}\n`);

it("names the programs that are missing, and the option that names their folder", async () => {
  vi.stubEnv("PATH", "");
  const kubernetes = { programs: "/nowhere", log: () => {} };
  await expect(startSandbox({ prometheus: "embedded", kubernetes })).rejects.toThrow(
    "not found in /nowhere or on the PATH: etcd, kube-apiserver; install them, or name their folder with --kubernetes-programs",
  );
  vi.unstubAllEnvs();
});

const onKubernetes = (title: string, tests: () => void) => (missing === undefined ? describe(title, tests) : undefined);

onKubernetes("the sandbox on Kubernetes' own API server", () => {
  let sandbox: Sandbox;
  let dir: string;
  const reports: string[] = [];
  const environment = () => ({ PATH: process.env["PATH"], HOME: dir, KUBECONFIG: join(dir, "kubeconfig") });
  const kubectl = async (...words: readonly string[]) => (await run("kubectl", words, { env: environment() })).stdout;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "aviary-real-kubernetes-"));
    sandbox = await startSandbox({
      prometheus: "embedded",
      kubernetes: { ...(programs === undefined ? {} : { programs }), log: () => {} },
      report: (message) => void reports.push(message),
    });
    writeFileSync(join(dir, "kubeconfig"), sandbox.kubeconfig, { mode: 0o600 });
    writeFileSync(join(dir, "shop.yaml"), MANIFEST);
    await kubectl("apply", "-f", join(dir, "shop.yaml"));
    await kubectl("-n", "shop", "rollout", "status", "deployment/shop", "--timeout=2m");
  });
  afterAll(async () => {
    await sandbox?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it("serves a Service by the pods that are ready", async () => {
    const address = sandbox.cluster.get(RESOURCES.service, "shop", "shop")?.spec?.clusterIP;
    expect(String(address).startsWith(`${sandbox.addresses.prefix}.`)).toBe(true);
    await vi.waitFor(async () => expect((await fetch(`http://${address}/version`)).status).toBe(200), {
      timeout: PATIENCE_MS,
    });
  });

  it("shows logs, and runs commands in pods", async () => {
    const [pod] = sandbox.cluster.list(RESOURCES.pod, "shop");
    const name = pod?.metadata.name ?? "";
    expect(await kubectl("-n", "shop", "logs", name, "--tail=5")).toContain("podinfo");
    expect(await kubectl("-n", "shop", "exec", name, "--", "echo", "hello")).toBe("hello\n");
    await expect(kubectl("-n", "shop", "exec", name, "--", "sh", "-c", "exit 3")).rejects.toThrow("exit code 3");
  });

  it("forwards a port", async () => {
    const words = ["-n", "shop", "port-forward", "deployment/shop", "0:9898"];
    const child = spawn("kubectl", words, { env: environment(), stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    try {
      const line = await new Promise<string>((resolve) =>
        createInterface({ input: child.stdout }).once("line", resolve),
      );
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      expect(await (await fetch(`http://127.0.0.1:${port}/version`)).text()).toContain("6.0.0");
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  });

  it("gives pods the token of their ServiceAccount, with its rights and no more", async () => {
    const who = ["--as", "system:serviceaccount:shop:default", "-n", "shop"];
    expect(await kubectl(...who, "auth", "can-i", "list", "pods")).toBe("yes\n");
    await expect(kubectl(...who, "auth", "can-i", "delete", "pods")).rejects.toMatchObject({ stdout: "no\n" });
    const [pod] = sandbox.cluster.list(RESOURCES.pod, "shop");
    const print = ["-n", "shop", "exec", pod?.metadata.name ?? "", "--", "sh", "-c"];
    const found = await kubectl(...print, 'cat "$AVIARY_MOUNTS/var/run/secrets/kubernetes.io/serviceaccount/token"');
    const withToken = ["--kubeconfig=/dev/null", `--server=${sandbox.url}`, "--insecure-skip-tls-verify"];
    const asPod = [...withToken, `--token=${found.trim()}`, "-n", "shop"];
    expect(await kubectl(...asPod, "get", "pods", "-o", "name")).toContain(pod?.metadata.name);
    await expect(kubectl(...asPod, "get", "secrets")).rejects.toThrow("system:serviceaccount:shop:default");
  });

  it("replaces pods that are deleted, and scales", async () => {
    await kubectl("-n", "shop", "delete", "pods", "--all", "--timeout=90s");
    await kubectl("-n", "shop", "scale", "deployment/shop", "--replicas=3");
    await kubectl("-n", "shop", "rollout", "status", "deployment/shop", "--timeout=2m");
    const pods = sandbox.cluster.list(RESOURCES.pod, "shop").filter(({ metadata }) => !metadata.deletionTimestamp);
    expect(pods).toHaveLength(3);
  });

  it("ends a namespace with all that is in it", async () => {
    await kubectl("delete", "namespace", "shop", "--timeout=2m");
    expect(sandbox.cluster.list(RESOURCES.pod, "shop")).toEqual([]);
    await vi.waitFor(() => expect(sandbox.cluster.list(RESOURCES.endpointSlice, "shop")).toEqual([]), {
      timeout: PATIENCE_MS,
    });
  });

  it("reports no defect of the sandbox", () => expect(reports).toEqual([]));
});
