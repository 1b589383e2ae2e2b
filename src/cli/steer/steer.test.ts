/** The commands about Canaries against the sandbox's API server; a stand-in answers actions as an operator would. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AddressBlock, claimAddressBlock } from "../../../sandbox/addresses.ts";
import { type ApiServer, startApiServer } from "../../../sandbox/api-server/index.ts";
import { createKubeClient } from "../../kube/client.ts";
import { loadAccess } from "../../kube/config.ts";
import { createTransport, type KubeTransport } from "../../kube/transport.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import type { KubeReader, KubeWriter } from "../../ports/kube.ts";
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { CANARY_LABEL, canaryLabel, canarySelector, STEERING } from "../../ports/steering.ts";
import { PROJECT_ROOT } from "../../project-root.ts";
import { aTarget } from "../../simulate/scenario.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { systemClock } from "../../time/system-clock.ts";
import { runCommandLine } from "../run.ts";

const NOT_ABORTED = new AbortController().signal;
const FOLDER = mkdtempSync(join(tmpdir(), "aviary-steer-"));
const KUBECONFIG = join(FOLDER, "kubeconfig");

let addresses: AddressBlock;
let server: ApiServer;
let transport: KubeTransport;
let kube: KubeReader & KubeWriter;

beforeAll(async () => {
  addresses = await claimAddressBlock();
  server = await startApiServer({ addresses });
  writeFileSync(KUBECONFIG, server.kubeconfig);
  const access = await loadAccess({ clock: systemClock, kubeconfig: KUBECONFIG });
  const common = { clock: systemClock, random: () => 0 };
  transport = createTransport({
    connect: createDispatcher,
    ...common,
    access,
    qps: 0,
    burst: 10,
    userAgent: "aviary/test",
  });
  kube = createKubeClient(transport, "flagger");
  expect((await aviary("apply", join(PROJECT_ROOT, "deploy/crds"), join(PROJECT_ROOT, "deploy/namespaces"))).code).toBe(
    0,
  );
});

afterAll(async () => {
  await transport.close();
  await server.stop();
  await addresses.release();
  rmSync(FOLDER, { recursive: true });
});

const aviary = (...argv: string[]) => aviaryUntil(NOT_ABORTED, ...argv);

async function aviaryUntil(signal: AbortSignal, ...argv: string[]) {
  let [out, err] = ["", ""];
  const code = await runCommandLine({
    argv,
    env: { KUBECONFIG },
    signal,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err: err.replace(/^cluster: .*\n/, "") };
}

interface Given {
  readonly phase: string;
  readonly weight?: number;
  readonly memory?: object;
  readonly image?: string;
  readonly primaryImage?: string;
  readonly webhooks?: readonly object[];
}

/** A Canary with this status, its target and primary. */
async function stage(
  name: string,
  { phase, weight = 0, memory, image = "app:2", primaryImage = "app:1", webhooks = [] }: Given,
) {
  const metrics = [{ name: "request-success-rate", thresholdRange: { min: 99 }, interval: "1m" }];
  const { metadata, ...canary } = aWireCanary({ name, analysis: { metrics, webhooks } });
  const object = { ...canary, metadata: { name, namespace: "test" } } as KubeObject;
  await kube.apply(RESOURCES.canary, object, { force: true }, NOT_ABORTED);
  const status = {
    phase,
    canaryWeight: weight,
    failedChecks: 0,
    iterations: 0,
    lastAppliedSpec: "abc",
    aviary: memory ?? {},
  };
  const ref = { type: RESOURCES.canary, namespace: "test", name };
  await kube.mergePatch(ref, { status }, { subresource: "status" }, NOT_ABORTED);
  for (const [workload, its] of [
    [name, image],
    [`${name}-primary`, primaryImage],
  ] as const) {
    await kube.apply(RESOURCES.deployment, aTarget(workload, "test", its, 1), { force: true }, NOT_ABORTED);
  }
  expect(metadata.name).toBe(name);
}

/** Answers the next action of a Canary. */
async function answering(name: string, status: object): Promise<KubeObject> {
  for (;;) {
    const labelSelector = canarySelector(name);
    const actions = await kube.list(STEERING.action, "test", { labelSelector }, NOT_ABORTED);
    const open = actions.find((action) => action.status === undefined);
    if (open === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    const ref = { type: STEERING.action, namespace: "test", name: open.metadata.name };
    await kube.mergePatch(
      ref,
      { status: { at: "2026-01-01T00:00:00Z", ...status } },
      { subresource: "status" },
      NOT_ABORTED,
    );
    return open;
  }
}

describe("list and show", () => {
  it("one sentence for each Canary, and only those that need a person with --attention", async () => {
    await stage("quiet", { phase: "Succeeded" });
    await stage("busy", { phase: "Progressing", weight: 20, memory: { step: 2 } });
    const { out } = await aviary("list", "-n", "test");
    expect(out.replaceAll(/ +/g, " ")).toMatch(/^NAMESPACE NAME PHASE STEP TRAFFIC FAILED IMAGE SINCE WHAT$/m);
    expect(out).toMatch(/^test +busy +Progressing +2\/5 +80\/20 +- +app:2 +\S+ +step 2 of 5 \(20 %\)$/m);
    expect(out).toMatch(/^test +quiet +Succeeded +- +- +- .*the primary serves all users$/m);
    expect((await aviary("list", "-n", "test", "--attention")).err).toBe("nothing needs attention\n");
    const json = JSON.parse((await aviary("list", "-n", "test", "-o", "json")).out);
    expect(json[0]).toMatchObject({ name: "busy", step: 2, steps: 5, weight: 20, revision: "abc", image: "app:2" });
  });

  it.each([
    [
      "linkerd",
      { mirror: true },
      /Initialized .* refused: mirroring is not supported by provider linkerd: remove spec/,
    ],
    [
      "istio",
      { stepWeight: 2.5 },
      /Initialized .* refused: invalid canary spec: spec\.analysis\.stepWeight: must be a whole/,
    ],
  ])(
    "a Canary that the operator refuses on %s needs a person, and is not said to serve",
    async (provider, more, said) => {
      const { metadata: _, ...canary } = aWireCanary({ name: provider, spec: { provider }, analysis: more });
      const object = { ...canary, metadata: { name: provider, namespace: "refused" } } as KubeObject;
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "refused" } };
      await kube.apply(RESOURCES.namespace, namespace, { force: true }, NOT_ABORTED);
      await kube.apply(RESOURCES.canary, object, { force: true }, NOT_ABORTED);
      const ref = { type: RESOURCES.canary, namespace: "refused", name: provider };
      await kube.mergePatch(ref, { status: { phase: "Initialized" } }, { subresource: "status" }, NOT_ABORTED);
      expect((await aviary("list", "-n", "refused", "--attention")).out).toMatch(said);
      const asked = await aviary("retry", `canary/${provider}`, "-n", "refused", "--dry-run");
      expect([asked.code, asked.err]).toEqual([1, expect.stringContaining("mend its spec first")]);
    },
  );

  it("without the memory that Flagger's own definition prunes, the weight tells the step", async () => {
    await stage("pruned", { phase: "Progressing", weight: 30 });
    expect((await aviary("list", "-n", "test")).out).toMatch(/pruned +Progressing +3\/5/);
  });

  it("says when the requests of a release are not split as promised, and passes over what is no split", async () => {
    const offSplit = { promised: 20, measured: 41.5, canary: 415, primary: 585 };
    await stage("strayed", { phase: "Progressing", weight: 20, memory: { step: 2, offSplit } });
    const said = "not split as promised: the canary got 41.5 % of 1,000 requests, promised were 20 %";
    expect((await aviary("show", "canary/strayed", "-n", "test")).out.replaceAll(/\s+/g, " ")).toContain(said);
    const json = JSON.parse((await aviary("show", "canary/strayed", "-n", "test", "-o", "json")).out);
    expect(json).toMatchObject({ offSplit });
    expect((await aviary("list", "-n", "test", "--attention")).out).toContain(said);
    await stage("garbled", { phase: "Progressing", weight: 20, memory: { step: 2, offSplit: "much" } });
    expect((await aviary("show", "canary/garbled", "-n", "test")).out).not.toContain("not split");
    for (const name of ["strayed", "garbled"]) {
      await kube.delete({ type: RESOURCES.canary, namespace: "test", name }, {}, NOT_ABORTED);
    }
  });

  it("a tree with the present step, and the command that answers a gate", async () => {
    const webhooks = [{ name: "ask-alice", type: "confirm-promotion", url: "http://gate.test/" }];
    await stage("asking", { phase: "WaitingPromotion", weight: 50, memory: { step: 5 }, webhooks });
    const { out } = await aviary("show", "canary/asking", "-n", "test");
    expect(out).toMatch(/^asking\.test {2}WaitingPromotion {2}waits for ask-alice\n/);
    expect(out).toContain("✓  4  40 %");
    expect(out).toContain("▶  5  50 %  now");
    expect(out).toContain("promotion  after ask-alice");
    expect(out).toContain("ask-alice is closed: aviary approve canary/asking -n test ask-alice");
    const gates = await aviary("gates", "-A");
    expect(gates.out).toContain("aviary approve canary/asking -n test");
  });

  it("the freeze that holds a run, and the command that lets the release go on", async () => {
    await stage("frozen", { phase: "Progressing", weight: 20, memory: { step: 2 } });
    const spec = { by: "carol", reason: "the audit", canaries: ["frozen"], runs: "hold" };
    const meta = { apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryFreeze" };
    const freeze = { ...meta, metadata: { name: "audit", namespace: "test" }, spec };
    await kube.apply(STEERING.freeze, freeze as KubeObject, { force: true }, NOT_ABORTED);
    const shown = async () => (await aviary("show", "canary/frozen", "-n", "test")).out;
    expect(await shown()).toContain('held by the freeze audit of carol: "the audit"; checks go on and still roll back');
    expect(await shown()).toContain("aviary override canary/frozen -n test --reason WHY lets this release go on");
    await aviary("thaw", "audit", "-n", "test");
    expect(await shown()).not.toContain("freeze");
    await kube.delete({ type: RESOURCES.canary, namespace: "test", name: "frozen" }, {}, NOT_ABORTED);
  });

  it("a Canary that does not exist", async () => {
    const { code, err } = await aviary("show", "canary/nothing", "-n", "test");
    expect([code, err]).toEqual([1, 'aviary show: canary "nothing" not found in namespace test\n']);
    const near = 'aviary why: canary "askng" not found in namespace test (did you mean "asking"?)\n';
    expect((await aviary("why", "canary/askng", "-n", "test")).err).toBe(near);
  });
});

describe("status, for CI", () => {
  it.each<[string, Given, string[], number, string]>([
    ["promoted", { phase: "Succeeded", primaryImage: "app:2" }, ["--image", ":2"], 0, "promoted"],
    ["rolled-back", { phase: "Failed" }, ["--image", "app:2", "--until", "promoted"], 3, "rolled back"],
    ["in-time", { phase: "Progressing" }, ["--until", "promoted", "--timeout", "100ms"], 4, "timeout"],
    ["waits", { phase: "Waiting" }, ["--until", "promoted,waiting"], 5, "waits for people"],
    [
      "held",
      { phase: "Progressing", memory: { paused: { by: "alice", at: 0 } } },
      ["--until", "paused"],
      5,
      "paused by alice",
    ],
    [
      "not-begun",
      { phase: "Succeeded" },
      ["--image", ":3", "--until", "promoted", "--timeout", "100ms"],
      7,
      "no such run",
    ],
    ["under-way", { phase: "Progressing" }, [], 0, "under way"],
  ])("%s", async (name, given, words, code, text) => {
    await stage(name, given);
    const result = await aviary("status", `canary/${name}`, "-n", "test", ...words);
    expect([result.code, result.out]).toEqual([code, expect.stringContaining(text)]);
  });

  it("a release whose place another takes is superseded", async () => {
    await stage("overtaken", { phase: "Progressing" });
    const ref = { type: RESOURCES.deployment, namespace: "test", name: "overtaken" };
    const { spec } = aTarget("overtaken", "test", "app:3", 1);
    const code = await runCommandLine({
      argv: ["status", "canary/overtaken", "-n", "test", "--until", "promoted", "--image", ":2"],
      env: { KUBECONFIG },
      signal: NOT_ABORTED,
      out: () => undefined,
      // The events asserted here come after the first look: the release was seen.
      err: () => void kube.mergePatch(ref, { spec: { template: spec.template } }, {}, NOT_ABORTED),
    });
    expect(code).toBe(6);
  });
});

describe("verbs", () => {
  it("say what will happen, ask with what was seen, and print the operator's answer", async () => {
    await stage("steered", {
      phase: "Progressing",
      weight: 20,
      memory: { step: 2, run: { id: "steered-1", startedAt: 0 } },
    });
    const asked = answering("steered", { phase: "Applied", message: "weight 20 -> 30" });
    const { code, out, err } = await aviary("promote", "canary/steered", "-n", "test", "--reason", "looks good");
    expect(err).toBe("steered.test 20 % -> 30 % (step 3 of 5); next check in 15 s\n");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^action steered-promote-\w{5} applied: weight 20 -> 30\n$/),
    ]);
    expect((await asked).spec).toEqual({
      canary: "steered",
      verb: "promote",
      by: expect.any(String),
      reason: "looks good",
      expect: { run: "steered-1", revision: "abc", step: 2 },
    });
  });

  it("what the operator refuses is a failure, with its reason", async () => {
    await stage("refused", { phase: "Progressing", weight: 20, memory: { step: 2 } });
    const asked = answering("refused", { phase: "Refused", message: "is at step 3 already" });
    const { code, out } = await aviary("pause", "canary/refused", "-n", "test", "--for", "2h");
    expect([code, out]).toEqual([1, expect.stringContaining("refused: is at step 3 already\n")]);
    expect((await asked).spec).toMatchObject({ verb: "pause", for: "2h" });
  });

  it("what no operator answers is withdrawn", async () => {
    await stage("alone", { phase: "Progressing", weight: 20, memory: { step: 2 } });
    const { code, err } = await aviary("pause", "canary/alone", "-n", "test", "--timeout", "100ms");
    expect([code, err]).toEqual([1, expect.stringContaining("the action was withdrawn")]);
    const labelSelector = `${CANARY_LABEL}=alone`;
    expect(await kube.list(STEERING.action, "test", { labelSelector }, NOT_ABORTED)).toEqual([]);
  });

  it("a rehearsal asks for nothing", async () => {
    await stage("rehearsed", { phase: "Progressing", weight: 20, memory: { step: 2 } });
    const { code, out } = await aviary("abort", "canary/rehearsed", "-n", "test", "--dry-run");
    expect([code, out]).toEqual([0, "action abort of canary/rehearsed would be asked for (dry run)\n"]);
    expect(
      await kube.list(STEERING.action, "test", { labelSelector: `${CANARY_LABEL}=rehearsed` }, NOT_ABORTED),
    ).toEqual([]);
  });

  it("name the gates that are ahead before they ask the operator", async () => {
    const webhooks = [{ name: "ask-alice", type: "confirm-traffic-increase", url: "http://gate.test/" }];
    await stage("gated", { phase: "Progressing", weight: 20, memory: { step: 2 }, webhooks });
    const said = async (...words: string[]) => (await aviary(...words, "-n", "test", "--dry-run")).err;
    expect(await said("approve", "gated", "ask-bob")).toContain('it has no gate "ask-bob", but ask-alice');
    expect(await said("approve", "gated")).toContain("passes the gate ask-alice, once");
    expect(await said("skip", "gated", "--to-step", "4")).toContain("gates are in between: ask-alice; skip them by");
    expect(await said("skip", "gated", "--to-step", "4", "--gates-too")).toContain(
      "(step 4 of 5); not called: ask-alice",
    );
  });

  it("offer the gate at which a release waits where the status tells no step", async () => {
    const webhooks = [{ name: "board", type: "confirm-promotion", url: "http://gate.test/" }];
    await stage("waits", { phase: "WaitingPromotion", weight: 15, webhooks });
    const { code, err } = await aviary("approve", "waits", "-n", "test", "--dry-run");
    expect([code, err]).toEqual([0, expect.stringContaining("passes the gate board, once")]);
  });

  it.each(["canary/rehearsed", "canary rehearsed", "rehearsed"])("a word follows %s", async (canary) => {
    const { code, err } = await aviary("set-weight", ...canary.split(" "), "30", "-n", "test", "--dry-run");
    expect([code, err]).toEqual([0, expect.stringContaining("rehearsed.test 20 % -> 30 %")]);
  });

  it.each([
    [["abort", "canary/rehearsed"], 1, "there is no terminal to ask, add --yes"],
    [["promote", "canary/rehearsed", "--full"], 1, "there is no terminal to ask, add --yes"],
    [["retry", "canary/rehearsed"], 1, "only a release that failed can be tried again"],
    [["resume", "canary/rehearsed"], 1, "it is not paused"],
    [["skip", "canary/rehearsed"], 2, "give --to-step or --to-weight"],
    [["skip", "canary/rehearsed", "--to-step", "1"], 1, "it stands on step 2 already"],
    [["override", "canary/rehearsed"], 2, "say why the freeze does not count for this release: --reason"],
    [["set-weight", "canary/rehearsed", "150"], 2, 'the weight must be a whole number from 0 to 100, found "150"'],
    [["skip", "canary/rehearsed", "--to-step", "99"], 1, "there is no such step: the plan has 5"],
    [["skip", "canary/rehearsed", "--to-weight", "70"], 1, "there is no such step: the plan has 5"],
    [["set-weight", "canary/rehearsed", "60"], 1, "the largest weight of this Canary is 50 %"],
    [["approve", "canary/rehearsed"], 1, "no gate is ahead"],
    [["refuse", "canary/rehearsed", "ask"], 1, "no gate is ahead"],
    [["set-weight", "canary/rehearsed"], 2, "give the weight, a whole number from 0 to 100"],
    [["set-weight", "canary", "rehearsed", "30", "40"], 2, "name one object as KIND/NAME"],
    [["pause", "canary/rehearsed", "--for", "soon"], 2, '--for must be a duration such as 30s or 2h, found "soon"'],
    [["pause", "deployment/rehearsed"], 2, "name a Canary, found deployment/rehearsed"],
  ])("%j", async (words, code, text) => {
    const result = await aviary(...words, "-n", "test");
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(text)]);
  });
});

describe("freezes", () => {
  it("freeze, freezes, thaw", async () => {
    const made = await aviary("freeze", "podinfo", "-n", "test", "--for", "48h", "--reason", "sale");
    expect(made.out).toMatch(/^freeze\/freeze-\w+: podinfo, until 20\S+Z\n$/);
    expect((await aviary("freezes", "-A")).out).toMatch(/^test +freeze-\w+ +podinfo +- +20\S+ +finish +\S+ +sale$/m);
    expect((await aviary("thaw", "--all", "-n", "test")).out).toMatch(/^freeze\/freeze-\w+ deleted\n$/);
    expect((await aviary("freezes", "-A")).err).toBe("nothing is frozen\n");
  });

  it("windows by a schedule, by labels, for the whole cluster", async () => {
    const windows = ["--schedule", "0 18 * * 5", "--for", "62h", "--time-zone", "Europe/Berlin", "-l", "tier=web"];
    const made = await aviary("freeze", "-n", "istio-system", "--scope", "cluster", ...windows);
    expect(made.out).toMatch(
      /^freeze\/freeze-\w+: all Canaries of the cluster with tier=web, for 62h after "0 18 \* \* 5" \(Europe\/Berlin\), (since|next at) 20\S+Z, until `aviary thaw`\n$/,
    );
    const [stored] = await kube.list(STEERING.freeze, "istio-system", {}, NOT_ABORTED);
    expect(stored?.["spec"]).toMatchObject({
      ...{ scope: "cluster", schedule: "0 18 * * 5", duration: "62h", timeZone: "Europe/Berlin" },
      selector: { matchLabels: { tier: "web" } },
    });
    expect((await aviary("freezes", "-A")).out).toMatch(
      /all of the cluster tier=web +0 18 \* \* 5 Europe\/Berlin, 62h +thaw +finish/,
    );
    expect((await aviary("thaw", "--all", "-n", "istio-system")).code).toBe(0);
  });

  it.each([
    [["--until", "2020-01-01T00:00:00Z"], "has passed already"],
    [["--until", "soon"], '--until must be like 2026-12-27T08:00:00Z, found "soon"'],
    [["--from", "2040-01-02T00:00:00Z", "--until", "2040-01-01T00:00:00Z"], "is before --from"],
    [["--schedule", "0 18 * * 5"], "--for says how long each one is"],
    [["--schedule", "every friday", "--for", "1h"], '"every friday" is no schedule: use five fields of cron'],
    [["--schedule", "0 18 31 2 *", "--for", "1h"], 'the schedule "0 18 31 2 *" never comes'],
    [["--schedule", "0 18 * * 5", "--for", "1h", "--time-zone", "Berlin"], '"Berlin" is no time zone'],
    [["--time-zone", "Europe/Berlin"], "--time-zone goes with --schedule"],
    [["--selector", "tier"], '--selector must be like app=shop,tier=web, found "tier"'],
    [["--for", "a while"], "--for must be a duration such as 48h"],
  ])("%j is refused", async (words, message) => {
    const { code, err } = await aviary("freeze", "-n", "test", ...words);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("a freeze of the cluster needs the namespace of the operator's Lease", async () => {
    const { code, err } = await aviary("freeze", "--scope", "cluster");
    expect([code, err]).toEqual([2, expect.stringContaining("name it, e.g. -n kube-system")]);
  });
});

describe("runs", () => {
  const sentence = "Rolled back at step 2 of 5 (20 %): request-success-rate 90 % < 99 %";
  const run = (name: string, image: string, value: number): KubeObject => ({
    apiVersion: "aviary.flagger.app/v1alpha1",
    kind: "CanaryRun",
    metadata: { name, namespace: "test", labels: { [CANARY_LABEL]: "recorded" } },
    spec: {
      version: 1,
      canary: "recorded",
      canaryUid: "u",
      startedAt: "2026-01-01T00:00:00Z",
      revision: "abc",
      previousRevision: "abb",
      images: { app: image },
      previousImages: { app: "app:1" },
      changedConfigs: [],
      strategy: "canary",
      threshold: 5,
      intervalMs: 15_000,
      steps: [{ weight: 10, mirror: false, gates: [] }],
    },
    status: {
      verdict: "rolled-back",
      sentence,
      phase: "Failed",
      step: 2,
      weight: 20,
      failedChecks: 5,
      endedAt: "2026-01-01T00:02:00Z",
      checks: [
        {
          at: "2026-01-01T00:01:00Z",
          step: 2,
          weight: 20,
          check: "request-success-rate",
          source: "success-rate",
          of: "canary",
          passed: false,
          value,
          min: 99,
        },
      ],
      timeline: [],
      people: [],
      journal: gzipSync('{"turn":1}\n{"turn":2}\n').toString("base64"),
      gaps: 0,
    },
  });

  beforeAll(async () => {
    await stage("recorded", { phase: "Failed" });
    await kube.apply(STEERING.run, run("recorded-1", "app:2", 90), { force: true }, NOT_ABORTED);
    await kube.apply(STEERING.run, run("recorded-2", "app:3", 91), { force: true }, NOT_ABORTED);
  });

  it("show draws the steps of a release that is over as its record has them", async () => {
    const { out } = await aviary("show", "canary/recorded", "-n", "test");
    const steps = out.split("\n").filter((line) => / [✓✗·] +\d+ {2}/.test(line));
    expect(steps.map((line) => line.trim().replace(/^│ +/, ""))).toEqual([
      "✓  1  10 %",
      "✗  2  20 %  rolled back here",
      ...["·  3  30 %", "·  4  40 %", "·  5  50 %"],
    ]);
  });

  it("wait that is interrupted says so, and ends as other commands do", async () => {
    const stop = new AbortController();
    const waits = aviaryUntil(stop.signal, "wait", "canary/recorded", "-n", "test", "--phase", "Succeeded");
    setImmediate(() => stop.abort());
    expect(await waits).toMatchObject({ code: 130, err: expect.stringMatching(/^aviary wait: stopped$/m) });
  });

  it("wait takes a phase in small letters", async () => {
    const { code, out } = await aviary("wait", "canary/recorded", "-n", "test", "--phase", "promoting,failed");
    expect([code, out]).toEqual([0, "canary/recorded is Failed\n"]);
  });

  it("history lists them with their sentences", async () => {
    const { out } = await aviary("history", "canary/recorded", "-n", "test");
    expect(out).toMatch(/^recorded-1 +rolled-back +2026-01-01T00:00:00Z +2m +app:2 +Rolled back at step 2/m);
  });

  it("two Canaries whose long names begin alike have their own runs and actions", async () => {
    const [one, other] = [`${"long.".repeat(12)}ab-one`, `${"long.".repeat(12)}ab-other`];
    for (const canary of [one, other]) {
      await kube.apply(
        RESOURCES.canary,
        { ...aWireCanary({ name: canary }), metadata: { name: canary, namespace: "test" } } as KubeObject,
        { force: true },
        NOT_ABORTED,
      );
      const ref = { type: RESOURCES.canary, namespace: "test", name: canary };
      await kube.mergePatch(
        ref,
        { status: { phase: "Progressing", canaryWeight: 0, failedChecks: 0, iterations: 0 } },
        { subresource: "status" },
        NOT_ABORTED,
      );
      const { metadata, spec, ...record } = run(`${canary}-1`, "app:2", 90);
      const labels = { [CANARY_LABEL]: canaryLabel(canary) };
      const long = { ...record, metadata: { ...metadata, labels }, spec: { ...spec, canary } } as KubeObject;
      await kube.apply(STEERING.run, long, { force: true }, NOT_ABORTED);
    }
    const { out } = await aviary("history", one, "-n", "test", "-o", "json");
    expect(JSON.parse(out).map(({ metadata }: KubeObject) => metadata.name)).toEqual([`${one}-1`]);
    const { code, err } = await aviary("pause", one, "-n", "test", "--timeout", "1ms");
    expect([code, err]).toEqual([1, expect.stringContaining("no operator has answered in time")]);
  });

  it("why says the sentence and the failed checks", async () => {
    const { out } = await aviary("why", "canary/recorded", "recorded-1", "-n", "test");
    expect(out).toContain(sentence);
    expect(out).toMatch(/request-success-rate +canary +fail +90 +>= 99/);
  });

  it("why writes Markdown for an incident", async () => {
    const { out } = await aviary("why", "canary/recorded", "recorded-1", "-n", "test", "-o", "md");
    expect(out).toMatch(/^## recorded.test\n\nRolled back at step 2/);
    expect(out).toContain("- app: `app:1` -> `app:2`");
    expect(out).toMatch(/\| request-success-rate \| 90 \| >= 99 \|/);
  });

  it("run prints the record", async () => {
    expect((await aviary("run", "recorded-1", "-n", "test")).out).toContain("app  app:1 -> app:2");
    const { code, err } = await aviary("run", "recorded-9", "-n", "test");
    expect([code, err]).toEqual([1, expect.stringContaining('run "recorded-9" not found in namespace test')]);
  });

  it("diff says what differs, and nothing else", async () => {
    const { out } = await aviary("diff", "recorded-1", "recorded-2", "-n", "test");
    expect(out.trim().split("\n")).toHaveLength(3);
    expect(out).toMatch(/image app +app:2 +app:3/);
    expect(out).toMatch(/step 2 request-success-rate of canary +90 fail +91 fail/);
  });

  it("replay prints the turns of the journal", async () => {
    expect((await aviary("replay", "recorded-1", "-n", "test")).out).toBe('   1  {"turn":1}\n   2  {"turn":2}\n');
    const { code, err } = await aviary("replay", "recorded-1", "-n", "test", "--turn", "9");
    expect([code, err]).toEqual([2, 'aviary replay: --turn must be from 1 to 2, found "9"\n']);
  });
});

describe("check", () => {
  it("names what a Canary refers to and what is not there", async () => {
    await stage("checked", { phase: "Succeeded" });
    await kube.delete({ type: RESOURCES.deployment, namespace: "test", name: "checked" }, {}, NOT_ABORTED);
    const { code, out } = await aviary("check", "-n", "test");
    expect(code).toBe(1);
    expect(out).toContain("error   canary checked.test: Deployment checked.test does not exist");
    expect(out).toContain("ok      definitions of aviary.flagger.app are installed\n");
    expect(out).toContain("warning no operator is found in this cluster");
  });

  it("says once that a namespace has no sidecars, for all Canaries in it", async () => {
    const space = { apiVersion: "v1", kind: "Namespace", metadata: { name: "bare" } };
    await kube.create(RESOURCES.namespace, space, NOT_ABORTED);
    for (const name of ["one", "two"]) {
      const wire = aWireCanary({ name, namespace: "bare" });
      await kube.create(RESOURCES.canary, { ...wire, metadata: { name, namespace: "bare" } }, NOT_ABORTED);
    }
    const { out } = await aviary("check", "-n", "bare");
    expect(out.split("\n").filter((line) => line.includes("has no sidecars"))).toEqual([
      "warning namespace bare has no sidecars: label it istio-injection=enabled, restart its pods",
    ]);
  });
});

describe("check of freezes", () => {
  it("names freezes of the whole cluster that are not in the namespace of the operator's Lease", async () => {
    const lease = (namespace: string) => {
      const metadata = { name: "flagger-leader-election", namespace };
      return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: {} };
    };
    const freeze = (namespace: string, scope: string) => {
      const metadata = { name: `freeze-${scope}`, namespace };
      return { apiVersion: "aviary.flagger.app/v1alpha1", kind: "CanaryFreeze", metadata, spec: { scope, by: "ann" } };
    };
    for (const name of ["home", "away"]) {
      await kube.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, NOT_ABORTED);
    }
    await kube.create(RESOURCES.lease, lease("home"), NOT_ABORTED);
    for (const namespace of ["home", "away"]) {
      for (const scope of ["cluster", "namespace"]) {
        await kube.create(STEERING.freeze, freeze(namespace, scope), NOT_ABORTED);
      }
    }
    const { out } = await aviary("check", "-n", "test");
    expect(out.split("\n").filter((line) => line.includes("canaryfreeze"))).toEqual([
      "warning canaryfreeze freeze-cluster.away has spec.scope cluster and freezes nothing: " +
        "create it in the namespace of the operator's Lease: home",
    ]);
  });
});

describe("apply", () => {
  const config = (data: object, namespace?: string) => {
    const path = join(FOLDER, "config.json");
    const metadata = { name: "settings", ...(namespace === undefined ? {} : { namespace }) };
    writeFileSync(path, JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data }));
    return path;
  };

  it("a manifest without a namespace goes where -n says, and says whether it changed something", async () => {
    const apply = async (data: object, ...words: string[]) =>
      (await aviary("apply", "-n", "test", ...words, "-f", config(data))).out;
    expect(await apply({ a: "1" }, "--dry-run")).toBe("configmap/settings created (dry run)\n");
    expect(await apply({ a: "1" })).toBe("configmap/settings created\n");
    expect(await apply({ a: "1" })).toBe("configmap/settings unchanged\n");
    expect(await apply({ a: "2" }, "--dry-run")).toBe("configmap/settings configured (dry run)\n");
    expect(await apply({ a: "2" })).toBe("configmap/settings configured\n");
    expect(await apply({ a: "3" }, "--create-only")).toBe("configmap/settings exists, left as it is\n");
    const { err } = await aviary("apply", "-n", "test", config({}, "other"));
    expect(err).toContain('metadata.namespace is "other", but -n says "test"');
  });

  it("fields of another field manager are left to it, by its name, unless --force is given", async () => {
    const theirs = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace: "test" },
      data: { a: "9" },
    };
    await kube.apply(RESOURCES.configMap, theirs, { force: true, fieldManager: "their-tool" }, NOT_ABORTED);
    const { code, err } = await aviary("apply", "-n", "test", config({ a: "4" }));
    expect(code).toBe(1);
    expect(err).toMatch(/configmap\/settings: .*conflict with "their-tool".*--force takes the field over\n$/);
    expect((await aviary("apply", "-n", "test", "--force", config({ a: "4" }))).out).toBe(
      "configmap/settings configured\n",
    );
  });
});

describe("apply of a target that the operator has scaled", () => {
  it("says whether a Canary still needs that, and what to do in either case", async () => {
    const target = aTarget("scaled", "test", "podinfo:1", 3);
    const path = join(FOLDER, "scaled.json");
    writeFileSync(path, JSON.stringify(target));
    expect((await aviary("apply", path)).code).toBe(0);
    const ref = { type: RESOURCES.deployment, namespace: "test", name: "scaled" };
    await kube.mergePatch(ref, { spec: { replicas: 0 } }, {}, NOT_ABORTED);
    const wire = aWireCanary({
      name: "of-scaled",
      spec: { targetRef: { ...aWireCanary().spec.targetRef, name: "scaled" } },
    });
    await kube.create(RESOURCES.canary, { ...wire, metadata: { name: "of-scaled", namespace: "test" } }, NOT_ABORTED);
    const { code, err } = await aviary("apply", path);
    expect(code).toBe(1);
    expect(err).toContain("the operator scales it for Canary of-scaled: leave spec.replicas out of the file");
    expect(err).not.toContain("--force");
    await kube.delete({ type: RESOURCES.canary, namespace: "test", name: "of-scaled" }, {}, NOT_ABORTED);
    expect((await aviary("apply", path)).err).toContain(
      "no Canary names it any more, so that no operator scales it: --force",
    );
    expect((await aviary("apply", "--force", path)).code).toBe(0);
  });
});

describe("delete", () => {
  it("keeps definitions that still have objects, and what comes in the same files", async () => {
    const path = join(FOLDER, "kept.json");
    const metadata = { name: "kept", namespace: "test" };
    writeFileSync(path, JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata }));
    expect((await aviary("apply", path)).code).toBe(0);
    const wire = aWireCanary({ name: "of-another" });
    await kube.create(RESOURCES.canary, { ...wire, metadata: { name: "of-another", namespace: "test" } }, NOT_ABORTED);
    const crds = join(PROJECT_ROOT, "deploy/crds");
    const { code, out } = await aviary("delete", "--yes", path, crds);
    expect(code).toBe(0);
    expect(out).toMatch(/^configmap\/kept kept: \w+\/.* needs it$/m);
    expect(out).toMatch(/^customresourcedefinition\/canaries.flagger.app kept: \w+\/.* needs it$/m);
    expect(out).not.toContain("deleted");
    expect((await aviary("delete", "--yes", path)).out).toBe("configmap/kept deleted\n");
  });
});

describe("completion", () => {
  it.each(["bash", "zsh"])("%s understands it", async (shell) => {
    const { out } = await aviary("completion", shell);
    execFileSync("bash", ["-n", "-c", out]);
    expect(out).toContain("--to-weight");
  });
});
