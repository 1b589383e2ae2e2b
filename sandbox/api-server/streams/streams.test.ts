/** `kubectl exec`, `attach` and `port-forward` with the kubectl of this machine, over WebSocket and over SPDY. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCES } from "../../../src/ports/kubernetes.ts";
import { type AddressBlock, claimAddressBlock } from "../../addresses.ts";
import type { App } from "../../apps.ts";
import { startControllers } from "../../controllers/index.ts";
import { type Kubelet, startKubelet } from "../../kubelet/index.ts";
import { startChild } from "../../programs/child.ts";
import { type ApiServer, startApiServer } from "../index.ts";

const KUBECTL = process.env["KUBECTL"] ?? "kubectl";
const installed = spawnSync(KUBECTL, ["version", "--client"]).status === 0;
if (!installed) process.stderr.write(`no ${KUBECTL} here: exec and port-forward are not tried\n`);

let addresses: AddressBlock;
let server: ApiServer;
let controllers: { stop(): Promise<void> };
let kubelet: Kubelet;
let folder: string;
let speak: (line: string) => void = () => {};

/** A program within the sandbox's process, as podinfo is. */
const web: App = async ({ address, ports, log }) => {
  speak = log;
  const program = createServer((request, response) => response.end(`${request.url} for ${request.headers.host}`));
  await new Promise<void>((resolve) => program.listen(ports[0]?.containerPort ?? 0, address, resolve));
  return {
    exited: new Promise<number>(() => {}),
    stop: () => new Promise((resolve) => void program.close(() => resolve()).closeAllConnections()),
  };
};

/** A process of its own, as images of the user are. */
const shop: App = ({ env, log }) =>
  startChild({
    command: "sh",
    args: ["-c", "exec sleep 1000"],
    env: { PATH: process.env["PATH"], ...env, KIND: "child" },
    cwd: folder,
    log,
  });

beforeAll(async () => {
  if (!installed) return;
  folder = mkdtempSync(join(tmpdir(), "aviary-streams-"));
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  controllers = startControllers(server.cluster);
  kubelet = startKubelet(server.cluster, {
    addresses,
    apiServer: server.url,
    apps: ({ repository }) => ({ web, shop })[repository],
  });
  server.setLogs(kubelet.logs);
  server.setConnections(kubelet.connections);
  writeFileSync(join(folder, "kubeconfig"), server.kubeconfig);
  const { cluster } = server;
  const containers = [
    { name: "web", image: "web:1", ports: [{ containerPort: 8080 }], env: [{ name: "GREETING", value: "hello" }] },
    { name: "shop", image: "shop:1" },
  ];
  const metadata = { namespace: "default", name: "both", labels: { app: "both" } };
  cluster.create(RESOURCES.pod, { apiVersion: "v1", kind: "Pod", metadata, spec: { containers } });
  const ports = [{ port: 80, targetPort: 8080 }];
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "front" },
    spec: { clusterIP: "None", selector: { app: "both" }, ports },
  });
  await kubectl(["wait", "--for=condition=Ready", "pod/both", "--timeout=60s"]);
});

afterAll(async () => {
  if (!installed) return;
  await controllers.stop();
  await kubelet.stop();
  await server.stop();
  await addresses.release();
  rmSync(folder, { recursive: true });
});

const options = () => ["--kubeconfig", join(folder, "kubeconfig"), "--cache-dir", join(folder, "cache")];

function start(args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(KUBECTL, [...options(), ...args], { env: { ...process.env, ...env } });
}

function kubectl(args: readonly string[], input = "", env: Record<string, string> = {}): Promise<string> {
  return run(KUBECTL, [...options(), ...args], input, env);
}

/** Output, errors and the exit code when it is not 0, in that order. */
function run(program: string, args: readonly string[], input: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    const texts = { stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      texts.stdout += text;
    });
    child.stderr.on("data", (text) => {
      texts.stderr += text;
    });
    const { stdin } = child;
    child.once("close", (code) => resolve(`${texts.stdout}${texts.stderr}${code === 0 ? "" : `exit ${code}`}`.trim()));
    stdin.end(input);
  });
}

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve(text);
    }).once("error", reject);
  });
}

describe.runIf(installed).each([
  ["over WebSocket", {}],
  ["over SPDY", { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" }],
])("%s", (_name, env: Record<string, string>) => {
  const exec = (args: readonly string[], input?: string) => kubectl(["exec", ...args], input, env);

  it("a command has the environment of an in-process program, and its exit code comes back", async () => {
    const script = "echo $GREETING $HOSTNAME; echo problem >&2; exit 3";
    expect(await exec(["both", "-c", "web", "--", "sh", "-c", script])).toBe(
      "hello both\nproblem\ncommand terminated with exit code 3\nexit 3",
    );
  });

  it("a command has the environment and the folder of a process", async () => {
    expect(await exec(["both", "-c", "shop", "--", "sh", "-c", "echo $KIND; pwd"])).toBe(`child\n${folder}`);
  });

  it("input reaches the command, with its end, and large output comes back whole", async () => {
    const text = "0123456789abcdef".repeat(40_000);
    expect(await exec(["-i", "both", "-c", "web", "--", "cat"], text)).toBe(text);
  });

  it("a command has a terminal when the client has one", async () => {
    const words = [
      KUBECTL,
      ...options(),
      "exec",
      "-it",
      "both",
      "-c",
      "web",
      "--",
      "sh",
      "-c",
      "'test -t 0 && echo yes'",
    ];
    const outcome = await run("script", ["-qec", words.join(" "), "/dev/null"], "", env);
    expect(outcome).toContain("yes");
  });

  it("a command finds Services by name", async () => {
    const url = "http://front:8080/path";
    expect(await exec(["both", "-c", "web", "--", "curl", "-s", url])).toBe("/path for front:8080");
  });

  it("a missing program is named in the error", async () => {
    expect(await exec(["both", "-c", "web", "--", "no-such-program"])).toMatch(
      /cannot run the command: "no-such-program" was not found on this machine.*exit code 127/s,
    );
  });

  it("a missing pod and a missing container are named in the error", async () => {
    expect(await exec(["none", "--", "true"])).toMatch(/pods "none" not found/);
    expect(await exec(["both", "-c", "none", "--", "true"])).toMatch(/container none is not valid for pod both/);
  });

  it("attach shows what the program says from now on", async () => {
    const child = start(["attach", "both", "-c", "web"], env);
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const line = new Promise<string>((resolve) => lines.on("line", resolve));
    const timer = setInterval(() => speak("a line"), 50);
    expect(await line).toBe("a line");
    clearInterval(timer);
    child.kill();
  });

  it("a forwarded port leads to the pod, for many connections", async () => {
    const child = start(["port-forward", "pod/both", ":8080"], env);
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout ?? process.stdin }).on("line", (line) => {
        const found = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once("exit", () => reject(new Error("kubectl ended")));
    });
    const paths = Array.from({ length: 20 }, (_, number) => `/${number}`);
    const answers = await Promise.all(paths.map((path) => fetchText(`http://127.0.0.1:${port}${path}`)));
    expect(answers).toEqual(paths.map((path) => `${path} for 127.0.0.1:${port}`));
    child.kill();
  });

  it("a port without a listener is named in the error, and the forwarding goes on", async () => {
    const child = start(["port-forward", "pod/both", ":8081"], env);
    const said = new Promise<string>((resolve) => {
      createInterface({ input: child.stderr ?? process.stdin }).on("line", resolve);
    });
    const port = await new Promise<string>((resolve) => {
      createInterface({ input: child.stdout ?? process.stdin }).on("line", (line) => {
        resolve(/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? "");
      });
    });
    await expect(fetchText(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    expect(await said).toMatch(/nothing answers on port 8081 of pod default\/both/);
    child.kill();
  });
});

describe.runIf(installed)("rights", () => {
  it("roles decide over exec and port-forward", async () => {
    await kubectl(["create", "serviceaccount", "dev"]);
    await kubectl(["create", "role", "dev", "--verb=get,list", "--resource=pods"]);
    await kubectl(["create", "rolebinding", "dev", "--role=dev", "--serviceaccount=default:dev"]);
    const as = "--as=system:serviceaccount:default:dev";
    const exec = ["exec", "both", "-c", "web", as, "--", "echo", "done"];
    expect(await kubectl(exec)).toMatch(/cannot create resource "pods\/exec"/);
    expect(await kubectl(["port-forward", "pod/both", ":8080", as])).toMatch(
      /cannot create resource "pods\/portforward"/,
    );
    // Clients ask with GET over WebSocket and with POST over SPDY; a role that names `create` alone is enough for
    // kubectl.
    await kubectl(["create", "role", "shell", "--verb=create", "--resource=pods/exec"]);
    await kubectl(["create", "rolebinding", "shell", "--role=shell", "--serviceaccount=default:dev"]);
    expect(await kubectl(exec)).toBe("done");
    expect(await kubectl(["auth", "can-i", "create", "pods/portforward", as])).toMatch(/^no/);
  });

  it("a request that asks for no other protocol is refused", async () => {
    const raw = "/api/v1/namespaces/default/pods/both/exec?container=web&command=true";
    expect(await kubectl(["get", "--raw", raw])).toMatch(/Upgrade request required/);
  });
});
