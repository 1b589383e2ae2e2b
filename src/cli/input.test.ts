/** What newcomers get wrong: each is answered by one line that says what is wrong and where, and by an exit code. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../ports/kubernetes.ts";
import { aTarget } from "../simulate/scenario.ts";
import { aWireCanary } from "../testing/canary.ts";
import { machineTrouble, runCommandLine } from "./run.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "aviary-input-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

async function aviary(...argv: string[]) {
  let [out, err] = ["", ""];
  const { signal } = new AbortController();
  const code = await runCommandLine({
    argv,
    env: {},
    signal,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err: err.replaceAll(FOLDER, ".") };
}

let count = 0;
function file(content: string | readonly unknown[]): string {
  count += 1;
  const path = join(FOLDER, `${count}.yaml`);
  writeFileSync(
    path,
    typeof content === "string" ? content : content.map((one) => JSON.stringify(one)).join("\n---\n"),
  );
  return path;
}

const canary = aWireCanary();
const with_ = (parts: Readonly<Record<string, unknown>>) => ({ ...canary, ...parts });

describe.each(["plan", "simulate"])("%s", (command) => {
  it.each([
    ["no YAML", "a: [b\n", /^aviary \w+: \S+ is not valid YAML: .* at line 2, column 1\n$/],
    [
      "no objects",
      "- a\n- b\n",
      /has no apiVersion, kind or metadata.name that is text: name files of Kubernetes manifests\n$/,
    ],
    ["an apiVersion that is a number", [with_({ apiVersion: 5 })], /has no apiVersion, kind or metadata.name that is/],
    [
      "a name that is a list",
      [with_({ metadata: { name: ["a"] } })],
      /has no apiVersion, kind or metadata.name that is/,
    ],
    [
      "aliases that multiply",
      `a: &a [${"x,".repeat(9)}]\n${[..."bcdefghi"].map((key, i) => `${key}: &${key} [${`*${"abcdefgh"[i]},`.repeat(9)}]`).join("\n")}\n`,
      /^aviary \w+: \S+ is not valid YAML: Excessive alias count/,
    ],
    ["an alias of itself", "a: &a [*a]\n", /^aviary \w+: \S+ is not valid YAML: /],
    ["lists within lists without end", "[".repeat(20_000), /^aviary \w+: \S+ is not valid YAML: /],
    ["too many documents", "---\na: 1\n".repeat(200_000), /holds 200000 YAML documents, more than 10000: split it\n$/],
    ["nothing", "", /there is no Canary in \S+.*\n$/],
    [
      "another version",
      [with_({ apiVersion: "flagger.app/v1" })],
      /podinfo.test: apiVersion must be flagger.app\/v1beta1/,
    ],
    ["no spec", [with_({ spec: undefined })], /podinfo.test: invalid canary spec: spec.targetRef.name: is required\n$/],
    ["an interval below 0", [aWireCanary({ analysis: { interval: "-10s" } })], /spec.analysis.interval: Invalid value/],
    ["an unknown provider", [aWireCanary({ spec: { provider: "foo" } })], /spec.provider: Unsupported value: "foo"/],
  ])("a file with %s", async (_, content, message) => {
    const { code, out, err } = await aviary(command, file(content));
    expect(err).toMatch(message);
    expect([code, out, err.trim().split("\n").length]).toEqual([1, "", 1]);
  });

  it("a folder with a link that leads nowhere", async () => {
    const folder = join(FOLDER, `${command}-links`);
    mkdirSync(folder);
    symlinkSync("/nowhere/at/all", join(folder, "broken.yaml"));
    const { code, err } = await aviary(command, folder);
    expect([code, err]).toEqual([1, `aviary ${command}: there is no file or folder ./${command}-links/broken.yaml\n`]);
  });

  it("a format that it does not know", async () => {
    const { code, err } = await aviary(command, file([canary]), "-o", "yaml");
    expect([code, err]).toEqual([2, `aviary ${command}: --output must be text or json, found "yaml"\n`]);
  });

  it("what kubectl get prints: a List, with what the cluster has added", async () => {
    const items = [{ ...canary, status: { phase: "Succeeded" } }, aTarget("podinfo", "test", "podinfo:v1", 2)];
    const { code, out } = await aviary(command, file([{ apiVersion: "v1", kind: "List", items }]));
    expect(code).toBe(0);
    expect(out).toContain(command === "plan" ? "50 %" : "Initialization done! podinfo.test");
  });
});

describe("mistakes with which no release succeeds", () => {
  const metrics = [{ name: "request-duraton", thresholdRange: { max: 500 }, interval: "1m" }];
  const given = () => file([aWireCanary({ analysis: { metrics, interval: "5min" } })]);

  it.each(["plan", "simulate"])("%s says each in a line, and fails", async (command) => {
    const { code, err } = await aviary(command, given());
    expect(code).toBe(1);
    expect(err.trim().split("\n")).toEqual([
      expect.stringMatching(/podinfo\.test: spec\.analysis\.interval: "5min" is no duration: .*; write 5m$/),
      expect.stringMatching(/podinfo\.test: spec\.analysis\.metrics\[0\]\.name: .*did you mean "request-duration"/),
    ]);
  });

  it("lint says all of them, refusals and warnings included, as text and as JSON", async () => {
    const { code, out } = await aviary("lint", given());
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^error canary\/podinfo in test: (.*\n)*1 Canary: 2 errors, /),
    ]);
    const other = aWireCanary({ analysis: { webhooks: [{ name: "a", url: "http://a/", type: "pre-rolout" }] } });
    const refused = await aviary("lint", file([other]));
    expect(refused.out).toContain('(did you mean "pre-rollout"?)');
    const json = JSON.parse((await aviary("lint", "-o", "json", given())).out);
    expect(json[0]).toEqual({ object: "canary/podinfo in test", severity: "error", text: expect.any(String) });
  });

  it("lint warns of fields that do not exist and of references that the files do not hold; --strict fails", async () => {
    const misspelt = aWireCanary({
      analysis: { stepWieght: 5, metrics: [{ name: "a", templateRef: { name: "eror-rate" } }] },
    });
    const template = {
      apiVersion: "flagger.app/v1beta1",
      kind: "MetricTemplate",
      metadata: { name: "error-rate", namespace: "test" },
      spec: { provider: { type: "prometheus", address: "http://prometheus:9090" }, query: "up" },
    };
    const path = file([misspelt, template]);
    const { code, out } = await aviary("lint", path);
    expect(code).toBe(0);
    expect(out).toContain(
      'spec.analysis.stepWieght is no field of a Canary: the API server drops it (did you mean "step',
    );
    expect(out).toContain(
      'no MetricTemplate "eror-rate" in test (did you mean "error-rate"?); the cluster must have it',
    );
    expect((await aviary("lint", "--strict", path)).code).toBe(1);
  });

  it("simulate names webhooks and metrics that the Canary does not have", async () => {
    const hooks = [{ name: "load-test", url: "http://a.test/" }];
    const path = file([aWireCanary({ analysis: { webhooks: hooks } })]);
    const { code, err } = await aviary("simulate", path, "--hook", "loadtest=passes");
    expect([code, err]).toEqual([
      2,
      'aviary simulate: canary/podinfo has no webhook "loadtest" (did you mean "load-test"?): it has load-test\n',
    ]);
    expect((await aviary("simulate", path, "--metric", "x=1")).err).toContain('no metric "x": it has none');
  });
});

describe("a campaign that is interrupted", () => {
  it.each([
    ["--runs=50000", "--jobs=1"],
    ["--stories", "--jobs=1"],
  ])("%s says how far it came, and fails", async (...words) => {
    const stop = new AbortController();
    let out = "";
    const done = runCommandLine({
      argv: ["simulate", ...words],
      env: {},
      signal: stop.signal,
      out: (text) => {
        out += text;
      },
      err: () => undefined,
    });
    setImmediate(() => stop.abort());
    expect([await done, out]).toEqual([
      130,
      expect.stringMatching(/^interrupted after \d+ (of 50000 )?runs, \d+ viol/),
    ]);
  });
});

describe("simulate", () => {
  it.each([
    [["--rps", "-5"], "--rps needs a value that does not begin with -"],
    [["--replicas", "1.5"], '--replicas must be like a whole number from 1 to 1000, found "1.5"'],
    [["--replicas", "1e9"], '--replicas must be like a whole number from 1 to 1000, found "1e9"'],
    [["--matched", "500"], '--matched must be like a number from 0 to 100, found "500"'],
    [["--metric-gap", "90s-30s"], '--metric-gap must be like 30s-90s, found "90s-30s"'],
    [["--runs", "0"], '--runs must be a whole number from 1 on, found "0"'],
    [["--seed", "1e30"], '--seed must be a whole number from 0 on, found "1e30"'],
    [["--keep", "u0"], "--keep needs --runs 1"],
    [["--jobs", "2"], "--jobs needs --runs or --stories"],
    [["--runs", "9", "--jobs", "0"], '--jobs must be a whole number from 1 on, found "0"'],
    [["--runs", "3", "-o", "json"], "--runs and --stories print text only"],
    [["--stories", "--rps", "3"], "--runs and --stories make up their own rollouts: leave out rps"],
  ])("%j", async (argv, message) => {
    const { code, err } = await aviary("simulate", ...argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  it("files with several Canaries, of which it would have shown one", async () => {
    const { code, err } = await aviary("simulate", file([canary, aWireCanary({ name: "other" })]));
    expect(code).toBe(1);
    expect(err).toContain("there are 2 Canaries (podinfo, other)");
  });

  it("a scenario whose Canary is none", async () => {
    const { code, err } = await aviary("simulate", "--scenario", file("canary: {}\n"));
    expect([code, err]).toEqual([
      2,
      `aviary simulate: ./${count}.yaml: canary must be an object with apiVersion, kind and metadata.name, found {}\n`,
    ]);
  });
});

describe("what a Canary refers to and no file holds", () => {
  const reference = {
    spec: { autoscalerRef: { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name: "podinfo" } },
    analysis: {
      metrics: [{ name: "p99", templateRef: { name: "latency" }, thresholdRange: { max: 500 } }],
      alerts: [{ name: "team", providerRef: { name: "slack" } }],
      webhooks: [{ name: "load", type: "rollout", url: "http://loadtester.test/" }],
    },
  };

  it("is made up and said: before, the rollout never began", async () => {
    const { code, out } = await aviary("simulate", file([aWireCanary(reference)]));
    expect(out.split("\n\n")[0]).toMatchInlineSnapshot(`
      "assumed: Deployment podinfo.test runs 2 pods of podinfo:v1
      assumed: HorizontalPodAutoscaler podinfo.test scales from 2 to 4 pods
      assumed: metric "p99" is as good as it must be, though no file holds MetricTemplate latency.test (--metric)
      assumed: webhooks pass: load (--hook)
      assumed: alerts of slack are delivered, though no file holds AlertProvider slack.test"
    `);
    expect(out).toMatch(/\nSucceeded: the primary runs podinfo:v2, the target has 0 pods\n$/);
    expect(code).toBe(0);
  });

  it.each(["HorizontalPodAutoscaler", "ScaledObject"])("a %s, and the target's configuration", async (kind) => {
    const apiVersion = kind === "ScaledObject" ? "keda.sh/v1alpha1" : "autoscaling/v2";
    const target = aTarget("podinfo", "test", "podinfo:v1", 3);
    const volumes = [{ configMap: { name: "config" } }, { secret: { secretName: "key" } }];
    const spec = { ...target.spec.template.spec, volumes };
    const given: KubeObject = { ...target, spec: { ...target.spec, template: { ...target.spec.template, spec } } };
    const { code, out } = await aviary(
      "simulate",
      file([aWireCanary({ spec: { autoscalerRef: { apiVersion, kind, name: "podinfo" } } }), given]),
    );
    expect(out.split("\n\n")[0]?.split("\n")).toEqual([
      `assumed: ${kind} podinfo.test scales from 3 to 6 pods`,
      "assumed: ConfigMap config.test exists",
      "assumed: Secret key.test exists",
    ]);
    expect([code, out.includes("\nSucceeded: ")]).toEqual([0, true]);
  });

  it("a rollback hook asks for nothing, unless it is told to: else it rolls nothing back", async () => {
    const webhooks = [{ name: "undo", type: "rollback", url: "http://loadtester.test/" }];
    const given = file([aWireCanary({ analysis: { webhooks } }), aTarget("podinfo", "test", "podinfo:v1", 2)]);
    const { out } = await aviary("simulate", given);
    expect(out).toMatch(/^assumed: no one asks for a rollback: undo \(--hook\)\n/);
    expect(out).toContain("\nSucceeded: ");
    expect((await aviary("simulate", given, "--hook", "undo=passes")).out).toContain("\nFailed: ");
  });

  it("a core/v1 Service beside a Knative Service of its name is not the target", async () => {
    const knative = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "podinfo" };
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "podinfo", namespace: "test" }, spec: {} };
    const given = file([service, aWireCanary({ spec: { provider: "knative", targetRef: knative } })]);
    const { code, out } = await aviary("simulate", given);
    expect(out.split("\n")[0]).toBe("assumed: Service podinfo.test runs podinfo:v1");
    expect([code, out.includes("\nSucceeded: the primary runs podinfo:v2")]).toEqual([0, true]);
  });
});

describe("a simulation without a release says why", () => {
  it.each([
    ["the image is there already", {}, ["--image", "podinfo:v1"], "the target runs podinfo:v1 already"],
    [
      "the Canary is suspended",
      { spec: { suspend: true } },
      [],
      "the Canary was never initialised, and last said: skipping canary",
    ],
    [
      "its primary never gets ready",
      {},
      ["--image", "podinfo:v1", "--crash", "start"],
      "the Canary is Failed, and last said: ",
    ],
  ])("%s", async (_, parts, argv, message) => {
    const { code, out } = await aviary("simulate", file([aWireCanary(parts)]), ...argv);
    expect(out.trim().split("\n").at(-1)).toContain(`no release: ${message}`);
    expect(out).not.toContain("REQUESTS");
    expect(code).toBe(1);
  });
});

describe("a trouble of the machine", () => {
  it.each([
    ["ENOSPC", undefined, "the disk is full: free some space, and call the command again"],
    ["EROFS", "/mnt/x", "/mnt/x: the file system can only be read: choose another folder"],
    ["EPIPE", undefined, undefined],
  ])("%s is reported in one line, with what to do", (code, path, text) => {
    expect(machineTrouble(Object.assign(new Error(`${code}: write`), { code, path }))).toBe(text);
  });
});

describe("other commands", () => {
  it.each([
    ["demo now", 'takes options only, found "now"'],
    ["sandbox up now", 'takes options only, found "now"'],
    ["sandbox status -o xml", '--output must be text or json, found "xml"'],
    ["get canaries one another", "name one kind and at most one object, e.g. canary/podinfo"],
    ["describe canary/one canary/another", "name one object as KIND/NAME, e.g. canary/podinfo"],
    ["wait canary/podinfo --timeout=-1s", '--timeout must be a duration such as 90s or 5m, found "-1s"'],
    ["wait canary/podinfo --timeout 5min", '--timeout must be a duration such as 90s or 5m, found "5min"'],
    ["status canary/podinfo --timeout 0s", '--timeout must be a duration such as 90s or 5m, found "0s"'],
    ["wait canary/podinfo --phase Ready", 'a Canary has no phase "Ready", use some of Initializing'],
  ])("%s", async (line, message) => {
    const { code, err } = await aviary(...line.split(" "));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it.each([
    ["--kubernetes imagined", '--kubernetes must be imitation or real, found "imagined"'],
    ["--kubernetes-programs /opt", "--kubernetes-programs needs --kubernetes real"],
    ["--kubernetes real --mesh istio", "--mesh needs --kubernetes imitation: meshes read EndpointSlices"],
  ])("sandbox serve %s", async (line, message) => {
    const { code, err } = await aviary("sandbox", "serve", "--state-dir", join(FOLDER, "serve"), ...line.split(" "));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it("a state folder whose file is broken holds no sandbox", async () => {
    writeFileSync(join(FOLDER, "sandbox.json"), '{"pid": 1');
    const { code, out } = await aviary("sandbox", "status", "--state-dir", FOLDER);
    expect([code, out]).toEqual([1, "no sandbox is running\n"]);
  });

  it("a state folder that is not there holds none, and none is made to find that out", async () => {
    const nowhere = join(FOLDER, "nowhere");
    const { code, out } = await aviary("sandbox", "down", "--state-dir", nowhere);
    expect([code, out]).toEqual([0, "no sandbox is running\n"]);
    expect(existsSync(nowhere)).toBe(false);
  });

  it("a state folder that cannot be made", async () => {
    const { code, err } = await aviary("sandbox", "up", "--state-dir", "/proc/nowhere/deep");
    expect(code).toBe(1);
    expect(err).toMatch(
      /^aviary sandbox up: cannot make the state folder \/proc\/nowhere\/deep: ENOENT.*--state-dir\n$/,
    );
  });

  it("apply without anything to apply, which was done", async () => {
    expect(await aviary("apply", file(""))).toEqual({
      code: 1,
      out: "",
      err: `aviary apply: there is no object in ./${count}.yaml\n`,
    });
  });

  it("a command that is stopped says so, without a stack", async () => {
    let err = "";
    const done = new AbortController();
    done.abort(new Error("SIGTERM"));
    const code = await runCommandLine({
      argv: ["sandbox", "up", "--state-dir", join(FOLDER, "stopped")],
      env: {},
      signal: done.signal,
      out: () => undefined,
      err: (text) => {
        err += text;
      },
    });
    expect([code, err]).toEqual([130, "aviary sandbox up: stopped\n"]);
  });
});
