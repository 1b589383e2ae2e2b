import { expect, it } from "vitest";
import { commandLine, wordsFor } from "./sandbox-apps.ts";

it.each([
  ["the chart of Flagger with Aviary's image", "aviary", ["./flagger", "-log-level=info"], "operator -log-level=info"],
  ["the chart of the load tester", "aviary", ["./loadtester", "-port=8080"], "loadtester -port=8080"],
  ["arguments alone", "aviary", ["-mesh-provider=istio"], "operator -mesh-provider=istio"],
  ["no words at all", "aviary", [], "operator"],
  ["a command of Aviary", "aviary", ["loadtester", "-port=8080"], "loadtester -port=8080"],
  ["the program by its name", "aviary", ["/usr/bin/aviary", "plan", "-"], "plan -"],
  ["Flagger's own image", "flagger", ["-log-level=info"], "operator -log-level=info"],
  ["Flagger's own image with a command", "flagger", ["./flagger", "-log-level=info"], "operator -log-level=info"],
  ["the load tester's own image", "flagger-loadtester", ["./loadtester", "-port=8080"], "loadtester -port=8080"],
])("a container runs Aviary for %s", (_, image, argv, words) => {
  expect(wordsFor(image, argv)?.join(" ")).toBe(words);
});

it("a container of another image does not run Aviary", () => {
  expect(wordsFor("podinfo", ["./flagger"])).toBe(undefined);
});

it.each([
  [["loadtester", "-port=8080"], "loadtester -token-file=/t -command-env=A,B -port=8080"],
  [["loadtester", "-token-file="], "loadtester -token-file=/t -command-env=A,B"],
  [["loadtester", '--token-file=""', "-port=1"], "loadtester -token-file=/t -command-env=A,B -port=1"],
  [["loadtester", "-token-file=/own"], "loadtester -token-file=/t -command-env=A,B -token-file=/own"],
  [["operator", "-mesh-provider=istio"], "operator -allow-local-egress -webhook-key-file=/t -mesh-provider=istio"],
])("a load tester of the sandbox has a token, also when its manifest asks for none: %j", (argv, words) => {
  expect(commandLine("aviary", "/t", { argv, env: { A: "1", B: "2" } }).join(" ")).toBe(words);
});
