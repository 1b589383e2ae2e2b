/** A person asks something of a rollout by a CanaryAction. */
import { apiVersionOf, type KubeFields } from "../../../src/ports/kubernetes.ts";
import { STEERING } from "../../../src/ports/steering.ts";
import type { Fixture } from "./fixture.ts";

/** @returns the answer of the operator: the status of the action */
export async function steer(
  { client, until }: Fixture,
  namespace: string,
  name: string,
  spec: KubeFields,
): Promise<KubeFields> {
  const type = STEERING.action;
  const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace } };
  const notAborted = new AbortController().signal;
  await client.kube.create(type, { ...object, spec: { canary: "podinfo", by: "alice", ...spec } }, notAborted);
  const ref = { type, namespace, name };
  return (await until(ref, "answered", (found) => found?.["status"]?.phase !== undefined))["status"];
}
