import { expect, it } from "vitest";
import { KubeError } from "../../ports/kube.ts";
import { cureOf } from "./missing-right.ts";

const WHO = 'User "system:serviceaccount:istio-system:flagger"';

it.each([
  [
    `virtualservices.networking.istio.io is forbidden: ${WHO} cannot create resource "virtualservices" in API group "networking.istio.io" in the namespace "test"`,
    ": grant the operator's role the verb create on virtualservices.networking.istio.io",
  ],
  [
    `services "podinfo" is forbidden: ${WHO} cannot patch resource "services" in API group "" in the namespace "test"`,
    ": grant the operator's role the verb patch on services",
  ],
  ['pods "a" is forbidden: exceeded quota: compute', ""],
  ['admission webhook "policy.example.com" denied the request: no', ""],
])("%s", (message, cure) => {
  expect(cureOf(new KubeError(403, "Forbidden", message))).toBe(cure);
});

it("says nothing of an error that is no refusal", () => {
  expect(cureOf(new KubeError(404, "NotFound", 'cannot get resource "x"'))).toBe("");
});
