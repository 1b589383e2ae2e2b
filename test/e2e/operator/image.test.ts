/**
 * Aviary's image in place of Flagger's: the files of the image in an empty folder, started as Flagger's charts, its
 * kustomize bases and Aviary's own manifests start them.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { readOperatorFlags } from "../../../src/operator/process/flags.ts";
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { PROJECT_ROOT as ROOT } from "../../../src/project-root.ts";
import { stageImage } from "../harness/image.ts";
import { createJournal } from "../harness/operator.ts";
import { startWorld, type World } from "../harness/world.ts";

const DOCKERFILE = readFileSync(join(ROOT, "Dockerfile"), "utf8");
/** The instructions of one stage. */
const stage = (name: string): string =>
  DOCKERFILE.split(/^(?=FROM )/m).find((text) => text.includes(` AS ${name}\n`)) ?? "";
const entrypoint = (name: string): string[] => JSON.parse(/^ENTRYPOINT (.*)$/m.exec(stage(name))?.[1] ?? "[]");

let image: string;
let world: World;
const started: (() => Promise<unknown>)[] = [];

beforeAll(() => {
  image = mkdtempSync(join(tmpdir(), "image-"));
  stageImage(join(image, "home/app"), process.execPath);
});
afterAll(() => {
  rmSync(image, { recursive: true });
});
beforeEach(async () => {
  world = await startWorld();
  writeFileSync(join(image, "kubeconfig"), world.kubeconfig);
});
afterEach(async () => {
  for (const stop of started.splice(0)) await stop();
  await world.stop();
});

/** Resolves with its address when it listens. */
async function run(argv: readonly string[]) {
  const [program = "", ...args] = argv;
  const journal = createJournal();
  const env = { PATH: process.env["PATH"], KUBECONFIG: join(image, "kubeconfig"), AVIARY_LISTEN_ADDRESS: "127.0.0.1" };
  const child = spawn(program, args, { cwd: join(image, "home/app"), env, stdio: ["ignore", "inherit", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) journal.write(line);
  });
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  started.push(stop);
  const { msg } = await journal.logged(" on port ");
  return { url: `http://127.0.0.1:${msg.split(" ").at(-1)}`, logged: journal.logged, stop };
}

/** The chart's arguments when every value is set; the test chooses a free -port. */
const CHART = [
  "-log-level=info",
  "-mesh-provider=istio",
  "-metrics-server=http://flagger-prometheus:9090",
  "-selector-labels=app,name",
  "-enable-config-tracking=false",
  "-namespace=test",
  "-slack-url=https://hooks.slack.test/services/x",
  "-slack-proxy-url=http://proxy.test:3128",
  "-slack-user=flagger",
  "-slack-channel=releases",
  "-msteams-url=https://teams.test/webhook/x",
  "-msteams-proxy-url=http://proxy.test:3128",
  "-enable-leader-election=true",
  "-leader-election-namespace=istio-system",
  "-ingress-annotations-prefix=ingress.test",
  "-include-label-prefix=app.kubernetes.io",
  "-ingress-class=contour",
  "-event-webhook=http://events.test/",
  "-kubeconfig-qps=50",
  "-kubeconfig-burst=100",
  "-kubeconfig-service-mesh=/tmp/controlplane/kubeconfig",
  "-threadiness=4",
  "-cluster-name=eu-1",
  "-no-cross-namespace-refs=true",
];

describe("Flagger's chart with Aviary's image", () => {
  it("Q76: every argument that it can give, both proxies included, is read", () => {
    expect(readOperatorFlags(CHART, {})).toMatchObject({
      kind: "run",
      flags: {
        ...{ logLevel: "info", meshProvider: "istio", metricsServer: "http://flagger-prometheus:9090", port: 8080 },
        ...{ selectorLabels: ["app", "name"], configTracking: false, namespace: "test" },
        ...{ slackUrl: "https://hooks.slack.test/services/x", slackUser: "flagger", slackChannel: "releases" },
        ...{ slackProxyUrl: "http://proxy.test:3128", msteamsProxyUrl: "http://proxy.test:3128" },
        ...{ msteamsUrl: "https://teams.test/webhook/x", eventWebhook: "http://events.test/" },
        ...{ leaderElection: true, leaderElectionNamespace: "test", threadiness: 4 },
        ...{ includeLabelPrefixes: ["app.kubernetes.io"], kubeconfigQps: 50, kubeconfigBurst: 100 },
        ...{ kubeconfigServiceMesh: "/tmp/controlplane/kubeconfig", clusterName: "eu-1", noCrossNamespaceRefs: true },
      },
    });
  });

  it("starts with its command and answers its probe", async () => {
    const here = CHART.map((arg) => arg.replace("/tmp/controlplane", image));
    const operator = await run(["./flagger", ...here, "-port=0"]);
    await operator.logged("Started operator workers");
    // `wget --spider` asks with HEAD.
    expect((await fetch(`${operator.url}/healthz`, { method: "HEAD" })).status).toBe(200);
    expect(await operator.stop()).toBe(0);
  });

  it("starts the load tester, too", async () => {
    const argv = ["-port=0", "-log-level=info", "-timeout=1h", "-namespace-regexp="];
    const tester = await run(["./loadtester", ...argv]);
    expect((await fetch(`${tester.url}/healthz`, { method: "HEAD" })).status).toBe(200);
    expect(await tester.stop()).toBe(0);
  });
});

describe("arguments without a command", () => {
  it("as Flagger's kustomize bases give them, are the operator's", async () => {
    const argv = ["-log-level=info", "-include-label-prefix=app.kubernetes.io", "-mesh-provider=kubernetes"];
    const operator = await run([...entrypoint("operator"), ...argv, "-metrics-server=http://127.0.0.1:1", "-port=0"]);
    await operator.logged("Started operator workers");
  });

  it.each([
    ["operator/operator.yaml", "operator"],
    ["loadtester/loadtester.yaml", "loadtester"],
  ])("as deploy/%s gives them, work in the image %s", async (file, name) => {
    const documents = parseAllDocuments(readFileSync(join(ROOT, "deploy", file), "utf8"));
    const objects = documents.map((document) => document.toJS() as KubeObject);
    const [container] = objects.find(({ kind }) => kind === "Deployment")?.spec.template.spec.containers ?? [];
    const program = await run([...entrypoint(name), ...container.args, "-port=0"]);
    expect((await fetch(`${program.url}${container.livenessProbe.httpGet.path}`)).status).toBe(200);
  });
});

it("the images run as uid 10001, the operator's has no shell, and the load tester's has what webhooks call", () => {
  for (const name of ["operator", "loadtester"]) expect(stage(name)).toMatch(/^USER 10001$/m);
  expect(stage("operator")).toMatch(/^FROM \$\{RUNTIME_IMAGE\}/);
  expect(stage("operator")).not.toMatch(/^RUN /m);
  expect(stage("loadtester")).toMatch(/apt-get install .*\bcurl\b.*\bhey\b/);
  expect(readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n")).toEqual(
    expect.arrayContaining(["node_modules", "dist", ".git"]),
  );
});

it("the program that stands for wget distinguishes a healthy operator from a broken one", async () => {
  const operator = await run(["./flagger", "-port=0", "-metrics-server=http://127.0.0.1:1"]);
  const probe = (url: string) =>
    spawnSync("./wget", ["--quiet", "--tries=1", "--timeout=4", "--spider", url], { cwd: join(image, "home/app") })
      .status;
  expect(probe(`${operator.url}/healthz`)).toBe(0);
  expect(probe(`${operator.url}/no-such-page`)).toBe(1);
  expect(probe("http://127.0.0.1:1/healthz")).toBe(1);
  expect(probe("nonsense")).toBe(2);
});
