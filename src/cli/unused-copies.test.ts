import { describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { describeUnusedCopies, unusedCopies } from "./unused-copies.ts";

const CANARY: KubeObject = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: { name: "podinfo", namespace: "test", uid: "1" },
};
const owner = (uid: string) => ({ apiVersion: CANARY.apiVersion, kind: "Canary", name: "podinfo", uid });

function config(name: string, owners: readonly string[] = ["1"], kind = "ConfigMap"): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name, namespace: "test", ownerReferences: owners.map(owner) } };
}

function reads(...names: readonly string[]): KubeObject {
  const envFrom: KubeFields = names.map((name) => ({ configMapRef: { name } }));
  const spec = { template: { spec: { containers: [{ name: "a", envFrom }] } } };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "podinfo-primary", namespace: "test" }, spec };
}

describe("a copy", () => {
  it("that no workload reads is named with the command that removes it", () => {
    const names = unusedCopies(
      CANARY,
      [config("b-primary"), config("a-primary", ["1"], "Secret")],
      [reads("c-primary")],
    );
    expect(describeUnusedCopies(names, "test")).toBe(
      "Unused Copies:  configmap/b-primary, secret/a-primary\n" +
        "  No workload reads them any more. They go with the Canary, or now: " +
        "kubectl delete -n test configmap/b-primary secret/a-primary\n",
    );
  });

  it.each<[string, KubeObject]>([
    ["is read by the primary", config("c-primary")],
    ["is what the primary read before", config("c-primary-previous")],
    ["was made for another Canary", config("a-primary", ["2"])],
    ["was made for two Canaries", config("a-primary", ["1", "2"])],
    ["has no owner", config("a-primary", [])],
    ["is no copy by its name", config("a")],
  ])("is not named when it %s", (_, object) => {
    expect(describeUnusedCopies(unusedCopies(CANARY, [object], [reads("c-primary")]), "test")).toBe("");
  });
});
