/**
 * What is refused, and how it is reported: the same text in the Warning, in the condition and in the line of `aviary
 * plan`, which fails. Every text names the object, the field, the cause and the cure.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import type { Scenario } from "../simulate/scenario.ts";
import { aScenario, withTarget } from "../simulate/stories.ts";
import { run } from "../simulate/universe.ts";
import { CALM } from "../simulate/weather.ts";
import { UserError } from "./command.ts";
import { planCommand } from "./commands/plan.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-refusals-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

interface Refused {
  /** A part of the Canary's spec that replaces what a good Canary has; `service` and `analysis` are merged. */
  readonly spec?: KubeFields;
  readonly target?: (scenario: Scenario) => Scenario;
  /** Every one of these words is in the text: field, cause and cure. */
  readonly says: readonly string[];
}

const provider = (name: string, more: KubeFields = {}): KubeFields => ({ provider: name, ...more });
const withSpec =
  (more: KubeFields) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    target: { ...scenario.target, spec: { ...scenario.target.spec, ...more } },
  });
const AB = { iterations: 2, match: [{ headers: { "x-canary": { exact: "1" } } }] };
const EVERYONE = { iterations: 2, match: [{}] };
const ENTRY = ["spec.analysis.match has an entry", "would match all requests", "or remove it"];

const REFUSED: Readonly<Record<string, Refused>> = {
  "an analysis without steps": {
    spec: { analysis: { stepWeight: 0 } },
    says: ["spec.analysis needs iterations", "no step could ever be taken"],
  },
  "a weight of zero": {
    spec: { analysis: { stepWeights: [0] } },
    says: ["spec.analysis.stepWeights", "greater than 0"],
  },
  "one cookie for both": {
    spec: { analysis: { sessionAffinity: { cookieName: "a", primaryCookieName: "a" } } },
    says: ["the same cookie name", "update them to be different", "spec.analysis.sessionAffinity.cookieName"],
  },
  "a target of Knative under another provider": {
    spec: { targetRef: { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" } },
    says: ["can't use istio provider with Knative Service", "set spec.provider to knative"],
  },
  "another target under Knative's provider": {
    spec: provider("knative"),
    says: ["can't use apps/v1/Deployment as target", "set spec.provider to the provider"],
  },
  "a service without a port": {
    spec: { service: { port: 0 } },
    target: (scenario) => scenario,
    says: ["spec.service.port is required", "set it to the port that podinfo serves"],
  },
  "no Ingress for NGINX": { spec: provider("nginx"), says: ["ingress selector is empty", "set spec.ingressRef"] },
  "no Ingress for Skipper": { spec: provider("skipper"), says: ["ingress selector is empty", "set spec.ingressRef"] },
  "no route for APISIX": { spec: provider("apisix"), says: ["apisix route selector is empty", "set spec.routeRef"] },
  "no mesh for App Mesh": {
    spec: provider("appmesh"),
    says: ["mesh name cannot be empty", "set spec.service.meshName"],
  },
  "no gateway for the Gateway API": {
    spec: provider("gatewayapi:v1"),
    says: ["GatewayRefs must be specified", "Set spec.service.gatewayRefs or spec.routeRef"],
  },
  "a match that everyone meets, on Contour": { spec: provider("contour", { analysis: EVERYONE }), says: ENTRY },
  "a match that everyone meets, on Gloo": { spec: provider("gloo", { analysis: EVERYONE }), says: ENTRY },
  "a match that everyone meets, on App Mesh": {
    spec: provider("appmesh", { analysis: EVERYONE, service: { meshName: "global" } }),
    says: ENTRY,
  },
  "a match that everyone meets, on the Gateway API": {
    spec: provider("gatewayapi:v1", { analysis: EVERYONE, service: { gatewayRefs: [{ name: "gw" }] } }),
    says: ENTRY,
  },
  "hosts of a delegate": {
    spec: { service: { delegation: true, hosts: ["a.example.com"] } },
    says: ["VirtualService podinfo.test cannot have hosts", "remove spec.service.hosts"],
  },
  "an A/B test of TCP": {
    spec: { analysis: AB, service: { appProtocol: "tcp" } },
    says: ["routes TCP, which has no requests to match", "remove spec.analysis.match"],
  },
  "a TCP match by more than the port": {
    spec: { service: { appProtocol: "tcp", match: [{ sourceLabels: { a: "b" } }] } },
    says: ["only the port of a match is kept", "remove sourceLabels from spec.service.match"],
  },
  "mirroring of TCP": {
    spec: { analysis: { mirror: true }, service: { appProtocol: "tcp" } },
    says: ["cannot be mirrored", "remove spec.analysis.mirror"],
  },
  "an A/B test on a provider without one": {
    spec: provider("kuma", { analysis: AB }),
    says: ["A/B testing is not supported by provider kuma", "remove spec.analysis.match or use one of"],
  },
  "a DaemonSet that replaces no pods": {
    target: (scenario) => withSpec({ updateStrategy: { type: "OnDelete" } })(withTarget(scenario, "DaemonSet")),
    says: ["daemonset podinfo.test must have RollingUpdate strategy", "set its spec.updateStrategy.type"],
  },
  "a StatefulSet that replaces no pods": {
    target: (scenario) => withSpec({ updateStrategy: { type: "OnDelete" } })(withTarget(scenario, "StatefulSet")),
    says: ["statefulset podinfo.test must have RollingUpdate strategy", "set its spec.updateStrategy.type"],
  },
  "a StatefulSet that keeps data": {
    target: (scenario) =>
      withSpec({ volumeClaimTemplates: [{ metadata: { name: "data" } }] })(withTarget(scenario, "StatefulSet")),
    says: ["statefulset podinfo.test has volumeClaimTemplates", "release it without a Canary"],
  },
  "a target that no label tells apart": {
    target: withSpec({ selector: { matchLabels: { tier: "web" } } }),
    says: ["deployment podinfo.test spec.selector.matchLabels must contain one of [app name app.kubernetes.io/name]"],
  },
};

/** @returns the exit code and what is printed, without the name of the Canary */
async function planned(objects: readonly KubeObject[]): Promise<{ readonly code: number; readonly text: string }> {
  const file = join(FOLDER, "all.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", metadata: {}, items: objects }));
  const ignore = () => undefined;
  const { signal } = new AbortController();
  try {
    return { code: await planCommand.run({ argv: [file], out: ignore, err: ignore, env: {}, signal }), text: "" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { code: error.exitCode, text: error.message };
  }
}

function scenarioOf({ spec = {}, target = (scenario) => scenario }: Refused): Scenario {
  const { service, analysis, ...more } = spec;
  const base = target(aScenario({ canary: { analysis: analysis ?? {} }, patienceMs: 60_000 }));
  const own = { ...base.canary.spec, ...more, service: { ...base.canary.spec.service, ...service } };
  return { ...base, canary: { ...base.canary, spec: own } };
}

describe("refused in the event, in the condition and by plan", () => {
  it.each(Object.entries(REFUSED))("%s", async (_, refused) => {
    const scenario = scenarioOf(refused);
    const { code, text } = await planned([scenario.target, scenario.canary]);
    expect(code).toBe(1);
    expect(text).toMatch(/^podinfo\.test: /);
    const problem = text.slice("podinfo.test: ".length);
    for (const words of refused.says) expect(problem).toContain(words);
    const warnings: string[] = [];
    const note = ({ type, message }: { readonly type: string; readonly message: string }) => {
      if (type === "Warning") warnings.push(message);
    };
    const watcher = {
      said: note,
      turn: ({ transition }: { transition: { events: readonly never[] } }) => transition.events.forEach(note),
    };
    const universe = await run({ scenario, weather: CALM, seed: 1, watchers: [() => watcher as never] });
    expect(warnings).toEqual([problem]);
    expect(universe.canary()?.status?.conditions?.[0]?.message).toContain(`Held: ${problem}`);
  });
});

describe("a spec that is refused between two releases", () => {
  const conditionAfter = async (...edits: readonly KubeFields[]): Promise<string> => {
    const users = edits.map((spec, i) => ({ afterMs: 400_000 + i * 30_000, kind: "edit-canary", spec }) as const);
    const universe = await run({ scenario: aScenario({ users }), weather: CALM, seed: 1, watchers: [] });
    expect(universe.canary()?.status?.phase).toBe("Succeeded");
    return universe.canary()?.status?.conditions?.[0]?.message ?? "";
  };
  const REFUSED_STEP = { analysis: { stepWeight: 0 } };

  it("is reported behind what the condition said before, as long as the spec is refused", async () => {
    const before = await conditionAfter();
    expect(await conditionAfter(REFUSED_STEP)).toMatch(
      /^Canary analysis .* Held: invalid canary spec: spec.analysis needs/,
    );
    expect(await conditionAfter(REFUSED_STEP, { analysis: { stepWeight: 20 } })).toBe(before);
  });
});
