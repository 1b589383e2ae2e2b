import { expect, it } from "vitest";
import { wordsFor } from "./sandbox-apps.ts";

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
