/** The receivers of an alert, its fields, and the log line when the alert cannot be sent. Over real HTTP. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Alert, CanaryStatus } from "../../core/status/canary.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import { aCanary, type CanaryParts } from "../../testing/canary.ts";
import { systemClock } from "../../time/system-clock.ts";
import { readOperatorFlags } from "../process/flags.ts";
import { createAlerting } from "./alerting.ts";

let server: Server;
let base: string;
let status: number;
let posted: { readonly url: string; readonly token: string | undefined; readonly body: string }[];
let lines: { readonly canary?: string; readonly msg: string }[];
let said: string[];
let objects: KubeObject[];

beforeEach(async () => {
  [status, posted, lines, said, objects] = [200, [], [], [], []];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      posted.push({ url: request.url ?? "", token: request.headers.authorization, body });
      response.writeHead(status).end("no_service");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const ERROR: Alert = { message: "Failed checks threshold reached 5", severity: "error", metadata: false };
const REF = { name: "chat" };

function alertingWith(flags: readonly string[]) {
  const read = readOperatorFlags(flags, {});
  if (read.kind !== "run") throw new Error(JSON.stringify(read));
  const say = (fields: object, msg: string) => void lines.push({ ...fields, msg });
  return createAlerting(read.flags, {
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error: say },
    announce: ({ ref }, message) => void said.push(`${ref.name}: ${message}`),
    async read({ type, name, namespace }: ObjectRef) {
      if (name === "forbidden") throw new Error("cannot read secrets: no right");
      return objects.find(
        ({ kind, metadata }) => kind === type.kind && metadata.name === name && metadata.namespace === namespace,
      );
    },
  });
}

async function send(
  parts: CanaryParts,
  flags: readonly string[] = [],
  alert: Partial<Alert> = {},
  status: object = {},
) {
  const canary = aCanary(parts);
  await alertingWith(flags).send(
    { ...canary, status: { ...canary.status, ...status } as CanaryStatus },
    { ...ERROR, ...alert },
  );
}

function provider(spec: object): void {
  const { kind } = RESOURCES.alertProvider;
  objects.push({ apiVersion: "flagger.app/v1beta1", kind, metadata: { name: "chat", namespace: "test" }, spec });
}

function secret(data: Record<string, string>): void {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  const metadata = { name: "hook", namespace: "test" };
  objects.push({ apiVersion: "v1", kind: "Secret", metadata, data: Object.fromEntries(encoded) });
}

describe("an alert that cannot be sent is one log line and one Event of its Canary", () => {
  const refusal = "postMessage failed: sending notification bad response 404: no_service";
  it.each([
    ["a provider that is not there", undefined, 'error: alertprovider.flagger.app "chat" not found'],
    ["an unknown type", { type: "pager", address: "http://x" }, "error: provider pager not supported"],
    ["an address that is none", { type: "slack", address: "chat" }, "error: invalid Slack hook URL chat"],
    [
      "a Secret that is not there",
      { type: "slack", secretRef: { name: "nowhere" } },
      'secretRef error: secrets "nowhere" not found',
    ],
    [
      "a Secret that cannot be read",
      { type: "slack", secretRef: { name: "forbidden" } },
      "secretRef error: cannot read secrets: no right",
    ],
    ["a Secret without it", { type: "slack", secretRef: { name: "hook" } }, "secret does not contain an address"],
  ])("%s", async (_what, spec, text) => {
    if (spec !== undefined) provider(spec);
    secret({ token: "x" });
    await send({ analysis: { alerts: [{ name: "on-call", severity: "error", providerRef: REF }] } });
    expect(lines).toEqual([{ canary: "podinfo.test", msg: `alert provider chat.test ${text}` }]);
    expect(said).toEqual([`podinfo: an alert does not arrive: alert provider chat.test ${text}`]);
  });

  it("a provider of another namespace, whose faults are told in the log alone", async () => {
    const ref = { name: "chat", namespace: "other" };
    await send({ analysis: { alerts: [{ name: "on-call", severity: "error", providerRef: ref }] } });
    expect(lines[0]?.msg).toContain("not found");
    expect(said).toEqual([
      "podinfo: an alert does not arrive: alert provider chat.other cannot be used: the operator's log says why",
    ]);
  });

  it.each(["kubernetes.io/service-account-token", "kubernetes.io/dockerconfigjson", "helm.sh/release.v1"])(
    "a Secret of type %s, which is not the tenant's to send",
    async (type) => {
      provider({ type: "slack", secretRef: { name: "hook" } });
      secret({ address: base, token: "TOKEN-OF-A-POD" });
      Object.assign(objects.at(-1) ?? {}, { type });
      await send({ analysis: { alerts: [{ name: "on-call", severity: "error", providerRef: REF }] } });
      expect([lines[0]?.msg, posted]).toEqual([
        expect.stringContaining(`secretRef error: secrets of type ${type} are never sent to a provider`),
        [],
      ]);
    },
  );

  it("a service that refuses, its own or the global one", async () => {
    status = 404;
    provider({ type: "rocket", address: base });
    await send({ analysis: { alerts: [{ name: "on-call", severity: "error", providerRef: REF }] } });
    await send({}, [`-slack-url=${base}`, "-slack-channel=general"]);
    expect(lines).toEqual([
      { canary: "podinfo.test", msg: `alert provider chat.test send error: ${refusal}` },
      { canary: "podinfo.test", msg: `alert can't be sent: ${refusal}` },
    ]);
    // The global receiver is the business of who runs the operator.
    expect(said).toEqual([`podinfo: an alert does not arrive: alert provider chat.test send error: ${refusal}`]);
  });
});

it("the address of a chat, which is a secret as a whole, is not logged when it is wrong", () => {
  for (const address of [
    "hooks.slack.com/services/T/B/SLACKSECRET",
    "https:hooks.slack.com/services/T/B/SLACKSECRET",
  ]) {
    alertingWith([`-slack-url=${address}`, "-slack-channel=general"]);
  }
  alertingWith([`-slack-url=${base}`, "-slack-channel=general", "-slack-proxy-url=socks5://u:SLACKSECRET@h"]);
  expect(lines.map(({ msg }) => msg)).toEqual([
    expect.stringContaining("invalid Slack hook URL"),
    expect.stringContaining("invalid Slack hook URL"),
    expect.stringContaining("unable to parse proxy URL"),
  ]);
  expect(JSON.stringify(lines)).not.toContain("SLACKSECRET");
});

it("an alert is wanted where a receiver is configured, by the Canary or by the operator", () => {
  const alerts = [{ name: "on-call", providerRef: REF }];
  expect(alertingWith([]).hasReceiver(aCanary({}))).toBe(false);
  expect(alertingWith([]).hasReceiver(aCanary({ analysis: { alerts } }))).toBe(true);
  expect(alertingWith([`-slack-url=${base}`, "-slack-channel=general"]).hasReceiver(aCanary({}))).toBe(true);
});

describe("an alert goes", () => {
  it("to the Canary's own providers only, with the Secret's address and token; an empty address is silence", async () => {
    provider({ type: "slack", address: "http://not-this.invalid", secretRef: { name: "hook" } });
    secret({ address: `${base}/own\n`, token: "xoxb" });
    const alerts = [{ name: "on-call", severity: "error", providerRef: REF }];
    await send({ analysis: { alerts } }, [`-slack-url=${base}/global`, "-slack-channel=general"]);
    expect(posted.map(({ url, token }) => ({ url, token }))).toEqual([{ url: "/own", token: "Bearer xoxb" }]);
    objects = [];
    provider({ type: "slack" });
    await send({ analysis: { alerts } });
    expect({ lines, posts: posted.length }).toEqual({ lines: [], posts: 1 });
  });

  it("Q72: to entries without a severity, too, and to each only what it wants", async () => {
    provider({ type: "slack", address: base });
    const entry = (severity?: string) => ({ analysis: { alerts: [{ name: "x", severity, providerRef: REF }] } });
    await send(entry(), [], { severity: "info" });
    await send(entry("warn"), [], { severity: "info" });
    await send(entry("warn"), [], { severity: "warn" });
    await send(entry("error"), [], { severity: "warn" });
    expect(posted).toHaveLength(2);
  });

  const common = [
    ["Cluster", "eu-1"],
    ["Target", "Deployment/podinfo.test"],
    ["Failed checks threshold", "5"],
    ["Progress deadline", "600s"],
  ];
  it.each([
    [{ stepWeight: 5, maxWeight: 50 }, "Weight step: 5 max: 50"],
    [{ stepWeight: 5, maxWeight: undefined }, "Weight step: 5 max: 0"],
    [{ stepWeights: [1, 2, 10] }, "Weight steps: 1,2,10 max: 0"],
    [{ iterations: 3 }, "Blue/Green"],
    [{ iterations: 3, match: [{ headers: { cookie: { exact: "a" } } }] }, "A/B Testing"],
  ])("Q73: with the fields of the release: %j", async (analysis, routing) => {
    const flags = [`-msteams-url=${base}`, "-slack-url=http://not-this.invalid", "-cluster-name=eu-1"];
    await send({ analysis }, flags, { metadata: true });
    const [section] = JSON.parse(posted[0]?.body ?? "{}").sections;
    expect(section.facts.map(({ name, value }: { name: string; value: string }) => [name, value])).toEqual([
      ...common,
      ["Traffic routing", routing],
    ]);
  });

  it("Q73: without a routing field when no steps are given, and with the cluster's name alone otherwise", async () => {
    const flags = [`-msteams-url=${base}`, "-cluster-name=eu-1"];
    await send({ analysis: { stepWeight: undefined }, spec: { skipAnalysis: true } }, flags, { metadata: true });
    await send({}, flags);
    const facts = posted.map(({ body }) => JSON.parse(body).sections[0].facts.length);
    expect(facts).toEqual([4, 1]);
  });

  const failed = {
    phase: "Failed",
    run: { id: "podinfo-20260101t000100-85d557", startedAt: 0 },
    cause: {
      ...{ kind: "threshold", step: 2, steps: 5, weight: 20, failedChecks: 3 },
      failure: { check: "request-success-rate", source: "success-rate", value: 90, sign: "<", limit: 99 },
    },
  };
  const factsOf = (index: number) =>
    JSON.parse(posted[index]?.body ?? "{}").sections[0].facts.map(({ name, value }: Record<string, string>) => [
      name,
      value,
    ]);

  it("with the sentence of the record and a link to the release, when the console's address is known", async () => {
    await send({}, [`-msteams-url=${base}`, "-console-url=https://aviary.example.com"], {}, failed);
    expect(factsOf(0)).toEqual([
      ["Why", "Rolled back at step 2 of 5 (20 %): request-success-rate 90.00 % &lt; 99 % (3 failed checks)."],
      ["Release", "https://aviary.example.com/runs/test/podinfo-20260101t000100-85d557"],
    ]);
  });

  it("without an old sentence in the alerts of a later release, and without a link when there is no console", async () => {
    await send({}, [`-msteams-url=${base}`], { severity: "info" }, { ...failed, phase: "Progressing" });
    await send({}, [`-msteams-url=${base}`], { severity: "warn" }, { ...failed, phase: "Progressing" });
    await send({}, [`-msteams-url=${base}`], {}, failed);
    expect([factsOf(0), factsOf(1), factsOf(2).length]).toEqual([[], [], 1]);
  });

  it("with a reason that was planted in the status as one short line", async () => {
    const cause = { ...failed.cause, kind: "abort", by: `\u001b[2J\n${"x".repeat(100_000)}` } as never;
    await send({}, [`-msteams-url=${base}`], {}, { ...failed, cause });
    const [why] = factsOf(0);
    expect(why[0]).toBe("Why");
    expect(why[1].length).toBeLessThan(1_200);
    expect(why[1]).not.toMatch(/\p{Cc}/u);
  });

  it("past the thousand alerts of another namespace, and as one line without control characters", async () => {
    const alerting = alertingWith([`-slack-url=${base}`, "-slack-channel=general"]);
    const canary = aCanary({});
    const noisy = { ...canary, ref: { namespace: "evil", name: "podinfo" } };
    const planted = { ...ERROR, message: "planted\n\u001b[2J<!channel>" };
    const sent = Promise.all([
      alerting.send(noisy, planted),
      alerting.send(canary, ERROR),
      ...Array.from({ length: 1_000 }, () => alerting.send(noisy, planted)),
    ]);
    await sent;
    expect(lines.every(({ canary: whose }) => whose === "podinfo.evil")).toBe(true);
    const texts = posted.map(({ body }) => JSON.parse(body).attachments[0].text);
    expect(texts).toContain(ERROR.message);
    expect(texts).toContain("planted \\x1b[2J&lt;!channel&gt;");
    expect(texts).toHaveLength(102);
  });
});
