import { getGlobalDispatcher } from "undici";
import { describe, expect, it } from "vitest";
import { systemClock } from "../time/system-clock.ts";
import { shellCommand } from "./commands.ts";

async function decide(text: string, env: Record<string, string>): Promise<string> {
  const command = await shellCommand(
    {
      dispatcher: getGlobalDispatcher(),
      clock: systemClock,
      monotonicMs: () => performance.now(),
      limits: { workers: 1, requestsPerSecond: 1 },
      env: { ...process.env, ...env },
      proxyUrl: () => Promise.resolve("http://127.0.0.1:1"),
    },
    "bash",
    text,
  );
  return command.kind === "ready" ? "ready" : command.reason.replace(/; hey, curl.*$/, "");
}

describe("a command line", () => {
  it.each([
    ["hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/", "ready"],
    ["hey -z 1m -q 10 -c 2 -h2 https://podinfo.test/", "ready"],
    ["/usr/bin/hey -z 1m http://podinfo.test/", "ready"],
    ["curl -sd 'anon' http://podinfo-canary.test/token | grep token", "ready"],
    ["echo 'hey there'", "ready"],
    ["true /hey", "ready"],
    ["grpc_health_probe -connect-timeout=1s -addr=podinfo-canary:9999", "ready"],
    ["grpc_health_probe -tls -addr=a:1", "grpc_health_probe: option -tls is not supported here"],
    ["hey -y http://podinfo.test/", "hey: flag provided but not defined: -y"],
    ["sleep 1; hey http://a/", "hey cannot resolve the sandbox's host names, and a list (;) needs a real shell"],
    [
      "bash -c 'hey http://a/'",
      "hey cannot resolve the sandbox's host names, and this command line needs a real shell",
    ],
    [
      "timeout 5 hey http://a/",
      "hey cannot resolve the sandbox's host names, and this command line needs a real shell",
    ],
    ["wrk -t2 http://a/", "wrk cannot resolve the sandbox's host names, and this command line needs a real shell"],
    ["missing-tool --now && true", "missing-tool is not installed"],
    ["true | missing-tool", "missing-tool is not installed"],
  ])("in a sandbox: %s", async (text, decision) => {
    expect(await decide(text, { AVIARY_NAMESERVER: "127.0.0.1:1" })).toBe(decision);
  });

  it.each([
    ["sleep 0; true", "ready"],
    ["hey http://a/", "ready"],
    ["X=1 true", "ready"],
    ["if true; then true; fi", "ready"],
    ["missing-tool $X", "missing-tool is not installed"],
    ["missing-tool>/dev/null", "missing-tool is not installed"],
    ["load() { true; }; load", "ready"],
    ["load () { true; }\nload", "ready"],
    ["2>/dev/null true", "ready"],
    ["t$X", "ready"],
    ["true''", "ready"],
  ])("elsewhere: %s", async (text, decision) => {
    expect(await decide(text, { AVIARY_NAMESERVER: "" })).toBe(decision);
  });

  it("is run by the built-in tool where the program is missing", async () => {
    // Not every machine has a PATH with only a shell; without any PATH there is no shell either.
    expect(await decide("hey -n 1 -c 1 http://127.0.0.1:1/", { PATH: "/nonexistent" })).toBe("ready");
    expect(await decide("true", { PATH: "/nonexistent" })).toBe("bash is not installed");
  });
});
