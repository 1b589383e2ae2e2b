/** Every kind of alert provider, over real HTTP; golden files hold what each one posts. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../testing/until.ts";
import { systemClock } from "../time/system-clock.ts";
import { type AlertMessage, type NotifierSettings, shouldSend } from "./alert.ts";
import { createNotifier, type NotifierPorts } from "./notifier.ts";
import { NOTIFIERS } from "./table.ts";

const ERROR: AlertMessage = {
  workload: "podinfo.test",
  message: "Failed checks threshold reached 2",
  severity: "error",
  fields: [
    { name: "Cluster", value: "prod-eu" },
    { name: "Target", value: "Deployment/podinfo.test" },
  ],
};
const INFO: AlertMessage = {
  workload: "podinfo.test",
  message: "New revision detected, progressing <canary> analysis.",
  severity: "info",
  fields: [],
};

/** What a chat would obey. */
const OBEYED: Readonly<Record<string, RegExp>> = {
  slack: /[<>]|&(?!(?:amp|lt|gt);)/,
  gchat: /[<>]|&(?!(?:amp|lt|gt);)/,
  discord: /[<>]|@(?!\u200b)|\](?=\()/,
  rocket: /[<@](?!\u200b)|\](?=\()/,
  msteams: /[<>]|(?<!\\)(?:\\\\)*[[\]*`~]/,
};

const KINDS = Object.keys(NOTIFIERS);
const notifier = (type: string, settings: NotifierSettings, ports: Partial<NotifierPorts> = {}) =>
  createNotifier(type, settings, { clock: systemClock, ...ports });
const notAborted = new AbortController().signal;

let server: Server;
let base: string;
let got: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[];
let answer: { status: number; body: string } | "silence";

beforeEach(async () => {
  got = [];
  answer = { status: 200, body: "ok" };
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      got.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      if (answer !== "silence") response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe.each(KINDS)("%s", (type) => {
  it.each([
    ["error", ERROR],
    ["info", INFO],
  ])("posts the golden payload of an alert with severity %s", async (severity, alert) => {
    await notifier(type, { address: `${base}/hook?key=1` }).post(alert, notAborted);
    expect(got).toMatchObject([{ method: "POST", headers: { "content-type": "application/json" } }]);
    const golden = readFileSync(new URL(`./${type}/golden/${severity}.json`, import.meta.url), "utf8");
    // Compared as text, because the order of the keys counts, too.
    expect(got[0]?.body).toBe(JSON.stringify(JSON.parse(golden)));
    expect(got[0]?.url).toBe(type === "discord" ? "/hook/slack?key=1" : "/hook?key=1");
  });

  it("escapes markup in foreign texts", async () => {
    if (type === "generic") return; // Plain JSON: its receiver writes the markup.
    const message = "<!channel> <https://evil|approve> <a href=x>y</a> [click](https://evil) @all";
    await notifier(type, { address: base }).post({ ...ERROR, message }, notAborted);
    expect(got[0]?.body).not.toMatch(/<!channel>|<https:|<a href/);
    if (type !== "slack" && type !== "gchat") expect(got[0]?.body).not.toMatch(/[^\\]\[click\]\(/);
  });

  it("mentions no person and no channel, links nothing and shows no image, in any text of a stranger", async () => {
    if (type === "generic") return;
    const planted =
      "<!channel> <!here> <!everyone> <@U1> <@&1> <#C1|x> <!subteam^S1> <users/all> <at>x</at> @channel @here @all " +
      "@everyone &lt;!channel&gt; &amp;lt;!here&amp;gt; <https://evil|x> [x](https://evil) ![x](https://evil) <img src=x> *b* " +
      "\\[x\\](https://evil) \\\\[x\\\\](https://evil)";
    const alert = { ...ERROR, message: planted, fields: [{ name: "Webhook", value: planted }] };
    await notifier(type, { address: base }).post(alert, notAborted);
    const texts: string[] = [];
    JSON.parse(got[0]?.body ?? "", (_, value) => {
      if (typeof value === "string" && value.includes("channel")) texts.push(value);
      return value;
    });
    expect(texts).toHaveLength(2);
    for (const text of texts) {
      // Google Chat's card has tags of its own.
      const foreign = text.replaceAll(/<\/?(?:font|strong|br)[^>]*>/g, "");
      expect(foreign).not.toMatch(OBEYED[type] ?? /^/);
    }
  });

  it("sends a token only to services that take one", async () => {
    await notifier(type, { address: base, token: "xoxb-1" }).post(INFO, notAborted);
    const bearer = type === "slack" || type === "generic" ? "Bearer xoxb-1" : undefined;
    expect(got[0]?.headers.authorization).toBe(bearer);
  });

  it("sends the user and password in its address", async () => {
    await notifier(type, { address: base.replace("http://", "http://me:s%65cret@") }).post(INFO, notAborted);
    expect(got[0]?.headers.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  });

  it("reports a refusal and whether to try again, and accepts any 2xx", async () => {
    const built = notifier(type, { address: base });
    answer = { status: 204, body: "" };
    await built.post(INFO, notAborted);
    answer = { status: 404, body: "no_service" };
    await expect(built.post(INFO, notAborted)).rejects.toMatchObject({
      message: "postMessage failed: sending notification bad response 404: no_service",
      mayRetry: false,
    });
    answer = { status: 503, body: "later" };
    await expect(built.post(INFO, notAborted)).rejects.toMatchObject({ mayRetry: true });
  });

  it("reports a service that is unreachable or does not answer, without its address", async () => {
    const gone = notifier(type, { address: "http://127.0.0.1:1/secret" });
    await expect(gone.post(INFO, notAborted)).rejects.toMatchObject({
      message: "postMessage failed: sending notification failed to send: connect ECONNREFUSED 127.0.0.1:1",
      mayRetry: true,
    });
    answer = "silence";
    const slow = notifier(type, { address: base }, { timeoutMs: 50 });
    await expect(slow.post(INFO, notAborted)).rejects.toThrow(/failed to send: no answer within 0.05 s$/);
    // The first request may be cut off before it arrives: only the next one counts.
    const before = got.length;
    const cut = new AbortController();
    const cutOff = expect(notifier(type, { address: base }).post(INFO, cut.signal)).rejects.toThrow("ending");
    await until("the request arrives", () => got.length > before);
    cut.abort(new Error("ending"));
    await cutOff;
  });

  it("goes through its proxy", async () => {
    await notifier(type, { address: "http://chat.invalid/x", proxy: base }).post(INFO, notAborted);
    expect(got[0]?.url).toMatch(/^http:\/\/chat\.invalid\/x/);
    expect(() => notifier(type, { address: base, proxy: "nonsense" })).toThrow(
      "unable to parse proxy URL 'nonsense', error: ",
    );
  });

  it("sends nothing without an address", async () => {
    await notifier(type, { address: "" }).post(ERROR, notAborted);
    expect(got).toEqual([]);
  });
});

describe("settings", () => {
  it.each([
    ["slack", { address: "hooks.slack.com/x" }, "invalid Slack hook URL hooks.slack.com/…"],
    ["slack", { address: "http://x", username: "" }, "empty Slack username"],
    ["slack", { address: "http://x", channel: "" }, "empty Slack channel"],
    ["discord", { address: "x" }, "invalid Discord hook URL x"],
    ["discord", { address: "http://x", username: "" }, "empty Discord username"],
    ["rocket", { address: "http://x", channel: "" }, "empty Rocket channel"],
    ["rocket", { address: "x:y" }, "invalid Rocket hook URL x:y"],
    ["msteams", { address: "x" }, "invalid MS Teams webhook URL x"],
    ["gchat", { address: "http://" }, "invalid Google Chat webhook URL http://"],
    ["generic", { address: "x" }, "invalid generic webhook URL x"],
    ["pager", { address: "http://x" }, "provider pager not supported"],
    ["toString", { address: "http://x" }, "provider toString not supported"],
  ])("of %s that are invalid are refused: %j", (type, settings, text) => {
    expect(() => notifier(type, settings)).toThrow(new Error(text));
  });

  it("contain channel and user", async () => {
    await notifier("slack", { address: base, channel: "ops", username: "bird" }).post(INFO, notAborted);
    expect(JSON.parse(got[0]?.body ?? "")).toMatchObject({ channel: "ops", username: "bird" });
  });

  it("Q74: of Discord may contain the Slack-compatible address already", async () => {
    await notifier("discord", { address: `${base}/api/webhooks/1/slack` }).post(INFO, notAborted);
    expect(got[0]?.url).toBe("/api/webhooks/1/slack");
  });

  it("Q74: of Discord get the ending twice when a query string follows it", async () => {
    await notifier("discord", { address: `${base}/api/webhooks/1/slack?thread_id=5` }).post(INFO, notAborted);
    expect(got[0]?.url).toBe("/api/webhooks/1/slack/slack?thread_id=5");
  });
});

describe("an entry's severity", () => {
  it.each([
    ["info", "info warn error"],
    ["", "info warn error"],
    [undefined, "info warn error"],
    ["warn", "warn error"],
    ["warning", "warn error"],
    ["error", "error"],
  ])("%s lets through %s", (entry, through) => {
    expect((["info", "warn", "error"] as const).filter((alert) => shouldSend(entry, alert)).join(" ")).toBe(through);
  });
});
