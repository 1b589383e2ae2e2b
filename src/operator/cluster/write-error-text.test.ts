import { describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../ports/kubernetes.ts";
import { createRouters } from "../../routers/table.ts";
import { routerKinds } from "../adapters.ts";
import { refusedWrite, type Verb } from "./write-error-text.ts";

const KINDS = routerKinds({ routers: createRouters({ setOwnerRefs: true }) });

const OWNED = [{ apiVersion: "flagger.app/v1beta1", kind: "Canary", name: "podinfo", uid: "1", controller: true }];
const object = (apiVersion: string, kind: string, name: string, spec?: KubeFields): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "test", ...(name.includes("primary") ? { ownerReferences: OWNED } : {}) },
  ...(spec === undefined ? {} : { spec }),
});

/** The error texts of Flagger. */
describe("a write that is refused is announced in the words of the contract", () => {
  it.each<[Verb, KubeObject, string]>([
    [
      "create",
      object("apps/v1", "Deployment", "podinfo-primary"),
      "createPrimaryDeployment failed: creating deployment podinfo-primary.test failed: ",
    ],
    [
      "update",
      object("apps/v1", "Deployment", "podinfo-primary"),
      "updating deployment podinfo-primary.test template spec failed: ",
    ],
    [
      "update",
      object("apps/v1", "Deployment", "podinfo", { replicas: 0 }),
      "deployment podinfo.test patch query error: ",
    ],
    ["update", object("apps/v1", "Deployment", "podinfo", { replicas: 3 }), "scaling up podinfo.test to 3 failed: "],
    ["update", object("apps/v1", "DaemonSet", "podinfo"), "updating daemonset podinfo.test failed: "],
    [
      "create",
      object("apps/v1", "DaemonSet", "podinfo-primary"),
      "createPrimaryDaemonSet failed: creating daemonset podinfo-primary.test failed: ",
    ],
    [
      "create",
      object("v1", "ConfigMap", "app-primary"),
      "CreatePrimaryConfigs failed: creating configmap app-primary.test failed: ",
    ],
    [
      "update",
      object("v1", "Secret", "app-primary"),
      "CreatePrimaryConfigs failed: updating secret app-primary.test failed: ",
    ],
    ["create", object("v1", "Service", "podinfo"), "reconcileService failed: service podinfo.test create error: "],
    ["update", object("v1", "Service", "podinfo"), "reconcileService failed: service podinfo update error: "],
    [
      "create",
      object("autoscaling/v2", "HorizontalPodAutoscaler", "podinfo-primary"),
      "creating HorizontalPodAutoscaler v2 podinfo-primary.test failed: ",
    ],
    [
      "create",
      object("keda.sh/v1alpha1", "ScaledObject", "podinfo-primary"),
      "creating Keda ScaledObject podinfo-primary.test failed: ",
    ],
    ["update", object("keda.sh/v1alpha1", "ScaledObject", "podinfo"), "updating ScaledObject podinfo.test failed: "],
    [
      "update",
      object("serving.knative.dev/v1", "Service", "podinfo"),
      "Knative Service podinfo.test update query error ",
    ],
    [
      "create",
      object("networking.istio.io/v1beta1", "VirtualService", "podinfo"),
      "reconcileVirtualService failed: VirtualService podinfo.test create error: ",
    ],
    ["update", object("example.com/v1", "Route", "podinfo"), "Route podinfo.test update error: "],
  ])("%s", (verb, wanted, text) => {
    expect(refusedWrite(wanted, verb, KINDS)).toBe(text);
  });
});
