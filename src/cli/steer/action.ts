/** Asks the operator for something by a CanaryAction, and waits for its answer. */
import { userInfo } from "node:os";
import type { Verb } from "../../core/people/steering.ts";
import { isNotFound, KubeError } from "../../ports/kube.ts";
import { apiVersionOf, collectionPath, type KubeObject } from "../../ports/kubernetes.ts";
import {
  CANARY_LABEL,
  type CanaryActionSpec,
  type CanaryActionStatus,
  canaryLabel,
  STEERING,
} from "../../ports/steering.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, type ClusterClient } from "../cluster.ts";
import { UserError } from "../command.ts";
import type { Facts } from "./facts.ts";

const LOOK_AGAIN_MS = 250;

/** The user as the cluster knows them; the name of the account on this machine where the cluster does not tell. */
export async function whoAmI({ transport }: ClusterClient, signal: AbortSignal): Promise<string> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  try {
    const review = await transport.send({ method: "POST", path, body }, signal);
    const { username } = review?.status?.userInfo ?? {};
    if (typeof username === "string" && username !== "") return username;
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 0) throw error;
  }
  return userInfo().username;
}

export type Wish = Pick<CanaryActionSpec, "reason" | "gate" | "to" | "for" | "freezeChecks" | "gatesToo">;

export async function actionFor(
  client: ClusterClient,
  facts: Facts,
  verb: Verb,
  wish: Wish,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { name, namespace, run, revision, step } = facts;
  const isRunning = run !== undefined;
  const spec: CanaryActionSpec = {
    canary: name,
    verb,
    by: await whoAmI(client, signal),
    // What the person saw: the operator refuses when something else has come about since.
    expect: {
      ...(isRunning ? { run: run.id } : {}),
      ...(revision === "" ? {} : { revision }),
      ...(STEP_BOUND.includes(verb) ? { step } : {}),
    },
    ...wish,
  };
  const suffix = Math.floor(Math.random() * 36 ** 5)
    .toString(36)
    .padStart(5, "0");
  return {
    apiVersion: apiVersionOf(STEERING.action),
    kind: STEERING.action.kind,
    metadata: {
      name: `${name}-${verb}-${suffix}`.slice(-253),
      namespace,
      labels: { [CANARY_LABEL]: canaryLabel(name) },
    },
    spec,
  };
}

/** Verbs that mean the step that the person saw; the others mean the run. */
const STEP_BOUND: readonly Verb[] = ["promote", "approve", "refuse", "skip", "set-weight"];

/** @param dryRun the API server checks the rights and the object, and stores nothing @throws UserError */
export async function createAction(
  { transport }: ClusterClient,
  action: KubeObject,
  dryRun: boolean,
  signal: AbortSignal,
) {
  const path = collectionPath(STEERING.action, action.metadata.namespace);
  const query = { fieldManager: "aviary-cli", ...(dryRun ? { dryRun: "All" } : {}) };
  try {
    await transport.send({ method: "POST", path, body: action, query }, signal);
  } catch (error) {
    if (isNotFound(error)) {
      throw new UserError("the cluster does not know CanaryActions: `aviary apply deploy/crds` first", 1, {
        cause: error,
      });
    }
    if (error instanceof Error && error.message.includes('spec.verb: Unsupported value: "')) {
      const old = `the cluster's CanaryActions are older than this command and do not know ${action.spec?.verb}`;
      throw new UserError(`${old}: apply deploy/crds of this version first`, 1, { cause: error });
    }
    throw asUserError(error);
  }
}

/** @throws UserError when no operator answers in time */
export async function answerOf(
  { kube }: ClusterClient,
  action: KubeObject,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CanaryActionStatus> {
  const { name, namespace = "" } = action.metadata;
  const until = systemClock.now() + timeoutMs;
  for (;;) {
    const seen = await kube.get({ type: STEERING.action, namespace, name }, signal);
    if (seen === undefined) throw new UserError(`action ${name} was deleted before it was answered`);
    if (typeof seen.status?.phase === "string") return seen.status;
    if (systemClock.now() > until) {
      // An answer that comes when its asker has gone would be a surprise.
      await kube.delete({ type: STEERING.action, namespace, name }, {}, signal);
      throw new UserError(`no operator has answered in time, so the action was withdrawn: \`aviary check\` tells more`);
    }
    await systemClock.sleep(LOOK_AGAIN_MS, signal);
  }
}
