/** A tenant's texts, on the terminal of the person who looks at them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RESOURCES } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { aWireCanary } from "../testing/canary.ts";
import { type StubCluster, startStubCluster } from "../testing/stub-cluster.ts";
import { runCommandLine } from "./run.ts";

/**
 * Makes a link that says another address, clears the screen, writes in red, sets the title, goes back to the begin of
 * the line, turns the direction of writing.
 */
const OWNED =
  "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x07\x1b[2J\x1b[31mOWNED\x1b]0;title\x07\rfine\u202e\u009b2J\x7f\b";

let cluster: StubCluster;
let folder: string;
let refusal: string | undefined;

beforeEach(async () => {
  refusal = undefined;
  cluster = await startStubCluster({
    intercept: () =>
      refusal === undefined
        ? undefined
        : { code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message: refusal } },
  });
  folder = mkdtempSync(join(tmpdir(), "visible-"));
  const kubeconfig = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "c" },
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: cluster.url } }],
    users: [{ name: "u", user: {} }],
  };
  writeFileSync(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
  const condition = { type: "Promoted", status: "False", reason: OWNED, message: OWNED };
  const { spec, metadata } = aWireCanary({});
  const fields = { annotations: { note: OWNED }, labels: { app: OWNED } };
  const canary = cluster.put(RESOURCES.canary, {
    metadata: { ...metadata, namespace: "test", name: "podinfo", ...fields },
    spec: { ...spec, metricsServer: `http://x/${OWNED}` },
    status: { phase: "Failed", conditions: [condition], aviary: { said: OWNED, gate: OWNED, paused: { by: OWNED } } },
  });
  const { uid } = canary.metadata;
  const about = { apiVersion: "flagger.app/v1beta1", kind: "Canary", namespace: "test", name: "podinfo", uid };
  const event = { involvedObject: about, type: "Warning", reason: OWNED, message: OWNED, source: { component: OWNED } };
  cluster.put(RESOURCES.event, {
    metadata: { namespace: "test", name: "e" },
    ...event,
    lastTimestamp: "2026-01-01T00:00:00Z",
  });
  cluster.put(STEERING.run, {
    metadata: { namespace: "test", name: "podinfo-1", labels: { "aviary.flagger.app/canary": "podinfo" } },
    spec: { canary: "podinfo", revision: OWNED },
    status: { phase: "Failed", sentence: OWNED, events: [{ message: OWNED }], people: [{ who: OWNED, what: OWNED }] },
  });
  cluster.put(RESOURCES.deployment, {
    metadata: { namespace: "test", name: "podinfo", ...fields },
    spec: { template: {} },
  });
});

afterEach(async () => {
  await cluster.close();
  rmSync(folder, { recursive: true });
});

async function shown(line: string): Promise<string> {
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  const env = { KUBECONFIG: join(folder, "kubeconfig") };
  const stop = new AbortController();
  const words = line.split(" ");
  await runCommandLine({ argv: words, out, err: out, env, signal: stop.signal }).catch((error: unknown) =>
    out(String(error)),
  );
  return text;
}

const harmful = (text: string) => text.replaceAll(/[\n\t]/g, "").match(/\p{Cc}|\u202e/gu);

it.each([
  "describe canary/podinfo -n test",
  "describe deployment/podinfo -n test",
  "get canaries -n test",
  "get canary/podinfo -n test -o yaml",
  "get canary/podinfo -n test -o json",
  "get events -n test",
  "list",
  "show podinfo -n test",
  "why podinfo -n test",
  "history podinfo -n test",
  "run podinfo-1 -n test",
  "status podinfo -n test",
  "gates -n test",
  "freezes",
  "why podinfo -n test -o md",
  "replay podinfo-1 -n test",
  "query podinfo -n test",
  "check -n test",
  "undo podinfo -n test --dry-run",
])("aviary %s prints no character that a terminal obeys", async (line) => {
  const text = await shown(line);
  expect(text).not.toBe("");
  expect(harmful(text)).toBeNull();
  refusal = OWNED;
  expect(harmful(await shown(line))).toBeNull();
});

it("what was written is shown as an escape", async () => {
  const text = await shown("describe canary/podinfo -n test");
  expect(text).toContain(
    "note: \\x1b]8;;https://evil.example\\x1b\\link\\x1b]8;;\\x07\\x1b[2J\\x1b[31mOWNED\\x1b]0;title\\x07\\x0dfine\\u202e\\x9b2J\\x7f\\x08",
  );
  expect(text).toMatch(/Warning .*OWNED/);
});

/** A Canary of a stranger's change, as the person who looks at the change has it in a file. */
function fileOf(provider: string, analysis: object): string {
  const { metadata, spec } = aWireCanary({});
  const fields = {
    ...{ provider, targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: OWNED } },
    ingressRef: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: OWNED },
    service: { port: 80, name: OWNED, hosts: [OWNED], match: [{ uri: { prefix: OWNED } }] },
    analysis: {
      ...{ interval: "1m", threshold: 2, iterations: 3 },
      metrics: [{ name: OWNED, interval: "1m", query: OWNED, thresholdRange: { max: 1 } }],
      webhooks: [{ name: OWNED, url: `http://x/${OWNED}`, type: "confirm-rollout", metadata: { [OWNED]: OWNED } }],
      alerts: [{ name: OWNED, severity: "info", providerRef: { name: OWNED } }],
      ...analysis,
    },
  };
  const named = { ...metadata, name: "app", namespace: OWNED, annotations: { [OWNED]: OWNED } };
  const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: named, spec: { ...spec, ...fields } };
  const path = join(folder, "change.json");
  writeFileSync(path, JSON.stringify(canary));
  return path;
}

it.each(
  ["lint", "plan", "simulate"].flatMap((command) =>
    ["text", "json"].flatMap((output) => [
      [`${command} -o ${output}`, "a Canary", "kubernetes", {}] as const,
      [`${command} -o ${output}`, "an unknown provider", OWNED, {}] as const,
      [`${command} -o ${output}`, "an interval", "kubernetes", { interval: OWNED }] as const,
      [
        `${command} -o ${output}`,
        "a query",
        "kubernetes",
        { metrics: [{ name: OWNED, query: `{{${OWNED}` }] },
      ] as const,
    ]),
  ),
)("aviary %s prints none of %s in a file", async (command, _what, provider, analysis) => {
  const text = await shown(`${command} ${fileOf(provider, analysis)}`);
  expect(text).not.toBe("");
  expect(harmful(text)).toBeNull();
});

it("what is converted has no document more than it is made of: a note cannot end its comment", async () => {
  const annotation = "nginx.ingress.kubernetes.io/a\n---\nkind: Secret\n#";
  const path = join(folder, "files.json");
  const ref = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "app" };
  const backend = { service: { name: "podinfo", port: { number: 80 } } };
  const canary = {
    ...{ apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "app", namespace: "test" } },
    spec: { ...aWireCanary({}).spec, provider: "nginx", ingressRef: ref },
  };
  const ingress = {
    ...ref,
    metadata: { name: "app", namespace: "test", annotations: { [annotation]: OWNED } },
    spec: { rules: [{ host: "a.example", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] },
  };
  writeFileSync(path, JSON.stringify({ apiVersion: "v1", kind: "List", items: [canary, ingress] }));
  const text = await shown(`convert ${path} --gateway gateways/public`);
  expect(text).toContain("# ");
  expect(text).toContain("kind: Canary");
  expect(text).not.toMatch(/^kind: Secret/m);
  expect(harmful(text)).toBeNull();
});

it("a word that is no command is repeated without what a terminal obeys", async () => {
  expect(harmful(await shown(OWNED))).toBeNull();
});
