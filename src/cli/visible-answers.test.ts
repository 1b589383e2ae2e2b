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
