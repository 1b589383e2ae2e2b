/** A user with rights in one namespace: lists and the console show that namespace, and say what is denied. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startToyApiServer, type ToyApiServer } from "../../testing/toy-api-server.ts";
import { until } from "../../testing/until.ts";
import type { Command } from "../command.ts";
import { consoleCommand } from "../commands/console.ts";
import { freezesCommand } from "../commands/freeze.ts";
import { gatesCommand } from "../commands/gates.ts";
import { listCommand } from "../commands/list.ts";

const DENIED = 'canaries.flagger.app is forbidden: User "sam" cannot list resource "canaries" at the cluster scope';

let server: ToyApiServer;
let folder: string;
beforeEach(async () => {
  server = await startToyApiServer();
  server.put("/apis/flagger.app/v1beta1/namespaces/shop/canaries", {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: { name: "podinfo", namespace: "shop" },
    spec: {},
    status: { phase: "Waiting" },
  });
  // The path of a whole kind has no namespace. Rights and the own name are asked without one, too.
  server.intercept = (_method, path) => {
    if (path.includes("/namespaces/")) return undefined;
    if (path.includes("selfsubjectreviews")) return { code: 201, body: { status: { userInfo: { username: "sam" } } } };
    if (path.includes("selfsubjectaccessreviews")) return { code: 201, body: { status: { allowed: true } } };
    return { code: 403, body: { kind: "Status", code: 403, reason: "Forbidden", message: DENIED } };
  };
  folder = mkdtempSync(join(tmpdir(), "scope-"));
  const entry = (name: string, key: string, fields: object) => [{ name, [key]: fields }];
  const kubeconfig = {
    "current-context": "shop",
    clusters: entry("toy", "cluster", { server: server.url }),
    users: entry("sam", "user", { token: "t" }),
    contexts: entry("shop", "context", { cluster: "toy", user: "sam", namespace: "shop" }),
  };
  writeFileSync(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
});
afterEach(async () => {
  await server.kill();
  rmSync(folder, { recursive: true });
});

function start({ run }: Command, words: string) {
  const said = { out: "", err: "" };
  const stop = new AbortController();
  const ended = run({
    argv: [...words.split(" ").filter((word) => word !== ""), "--kubeconfig", join(folder, "kubeconfig")],
    env: {},
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    signal: stop.signal,
  });
  return { said, ended, stop: () => stop.abort(new Error("the test is over")) };
}

describe("a user with rights in one namespace", () => {
  it.each([
    ["list", listCommand, /^NAMESPACE.*\nshop +podinfo +Waiting/],
    ["gates", gatesCommand, /^NAMESPACE.*\nshop +podinfo/],
  ])("sees that namespace by `%s -A`, and reads what is denied", async (_name, command, expected) => {
    const { said, ended } = start(command, "-A");
    expect(await ended).toBe(0);
    expect(said.out).toMatch(expected);
    expect(said.err).toBe(`${DENIED}\nhere is namespace shop alone; -n names another\n`);
  });

  it("does not read that nothing is frozen where the freezes cannot be seen", async () => {
    server.intercept = () => ({
      code: 403,
      body: { kind: "Status", code: 403, reason: "Forbidden", message: DENIED },
    });
    await expect(start(freezesCommand, "-A").ended).rejects.toThrow(DENIED);
    await expect(start(freezesCommand, "").ended).rejects.toThrow(DENIED);
  });

  it("gets the error and no part of the list where a program reads the output", async () => {
    await expect(start(listCommand, "-A -o json").ended).rejects.toThrow(DENIED);
  });

  it("whose credentials have expired reads what to do", async () => {
    server.intercept = () => ({
      code: 401,
      body: { kind: "Status", code: 401, reason: "Unauthorized", message: "Unauthorized" },
    });
    await expect(start(listCommand, "").ended).rejects.toThrow(
      "Unauthorized: the API server does not accept the kubeconfig's credentials",
    );
  });

  it("reads which namespace has no Canaries", async () => {
    const { said, ended } = start(listCommand, "-n empty");
    expect(await ended).toBe(0);
    expect(said.err).toBe("there are no Canaries in namespace empty; -A lists all namespaces\n");
  });

  it("sees that namespace in the console", async () => {
    const { said, ended, stop } = start(consoleCommand, "");
    await until("the console runs", () => said.out.includes("The console ends with Ctrl-C."));
    expect(said.out).toContain(", namespace shop alone\n");
    expect(said.out).toContain("You may not list Canaries of all namespaces. The console shows namespace shop");
    const link = /^console: (\S+)$/m.exec(said.out)?.[1] ?? "";
    const login = await fetch(link, { redirect: "manual" });
    const cookie = login.headers
      .getSetCookie()
      .map((text) => text.split(";")[0])
      .join("; ");
    const answer = await fetch(new URL("api/v1/canaries", link), { headers: { cookie } });
    expect(await answer.json()).toMatchObject({ rows: [{ namespace: "shop", name: "podinfo" }], hidden: 0 });
    stop();
    await ended;
  });
});
