import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RolloutEvent } from "../../core/texts/events.ts";
import { type Log, SILENT_LOG } from "../../ports/log.ts";
import type { Turn } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { until } from "../../testing/until.ts";
import { createEventWebhooks } from "./event-webhooks.ts";

/** A receiver that answers when it is told to, or with `answers` at once. */
async function receiver(answers?: number) {
  const heard: { readonly path: string; readonly name: string; readonly message: string }[] = [];
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      const { name, metadata } = JSON.parse(body);
      heard.push({ path: request.url ?? "", name, message: metadata.eventMessage });
      if (answers === undefined) waiting.push(response);
      else response.writeHead(answers).end("no");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { heard, waiting, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function begin(globalUrl: string, log: Log = SILENT_LOG) {
  const stop = new AbortController();
  open.push(() => stop.abort());
  return createEventWebhooks({ clock: createManualClock(), log, globalUrl, signal: stop.signal });
}

const event = (message: string): RolloutEvent => ({
  type: "Normal",
  reason: "WeightAdvanced",
  message,
  phase: "Progressing",
});

function turnOf(name: string, messages: readonly string[], webhooks: readonly object[] = []): Turn {
  const canary = aCanary({ name, analysis: { webhooks } });
  return { canary, transition: { status: canary.status, events: messages.map(event) } } as unknown as Turn;
}

describe("event webhooks", () => {
  it("Q70: keep the order of one Canary, hold up no turn, and no other Canary", async () => {
    const { heard, waiting, url } = await receiver();
    const webhooks = begin(url);
    webhooks.record(turnOf("slow", ["first", "second"]));
    webhooks.announce(turnOf("slow", []).canary, event("third"));
    webhooks.record(turnOf("other", ["elsewhere"]));
    await until("an event of each Canary arrives", () => heard.length === 2);
    const told = () => heard.filter(({ name }) => name === "slow").map(({ message }) => message);
    expect(told()).toEqual(["first"]);
    for (const count of [2, 3]) {
      for (const response of waiting.splice(0)) response.end();
      await until("the next one comes", () => told().length === count);
    }
    expect(told()).toEqual(["first", "second", "third"]);
    for (const response of waiting.splice(0)) response.end();
    await webhooks.flush(new AbortController().signal);
  });

  it("go to the Canary's own receivers, and only without any to the operator's", async () => {
    const { heard, url } = await receiver(200);
    const webhooks = begin(`${url}/global`);
    const own = ["/a", "/b"].map((path) => ({ type: "event", name: path, url: `${url}${path}` }));
    webhooks.record(turnOf("own", ["x"], own));
    webhooks.record(turnOf("none", ["y"], [{ type: "rollout", name: "load", url: `${url}/load` }]));
    await webhooks.flush(new AbortController().signal);
    expect(heard.map(({ path, message }) => `${path} ${message}`).sort()).toEqual(["/a x", "/b x", "/global y"]);
  });

  it("that refuse are a line in the log, and still get the next event", async () => {
    const { heard, url } = await receiver(418);
    const lines: string[] = [];
    const webhooks = begin(url, { ...SILENT_LOG, error: (_fields, message) => void lines.push(message) });
    webhooks.record(turnOf("podinfo", ["one", "two"]));
    await webhooks.flush(new AbortController().signal);
    expect(heard.map(({ message }) => message)).toEqual(["one", "two"]);
    expect(lines).toEqual(["error sending event to webhook: no", "error sending event to webhook: no"]);
  });
});
