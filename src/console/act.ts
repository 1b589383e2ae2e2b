/** What people do: an action on a canary, a freeze, its end. Everything else of the console only reads. */
import { actionFor, answerOf, createAction, type Wish } from "../cli/steer/action.ts";
import { type Facts, factsOf } from "../cli/steer/facts.ts";
import type { Verb } from "../core/people/steering.ts";
import { errorText } from "../error-text.ts";
import { isAlreadyExists, isNotFound, KubeError } from "../ports/kube.ts";
import { apiVersionOf, type KubeFields } from "../ports/kubernetes.ts";
import { type CanaryFreezeSpec, STEERING } from "../ports/steering.ts";
import { canaryIn } from "./records.ts";
import { type Answer, type Asked, type Console, ok, problem } from "./route.ts";

const ANSWER_MS = 10_000;

/**
 * Creates a CanaryAction, which the operator answers. The browser names what the person saw, so that a stale click does
 * nothing.
 */
export async function act(console: Console, { params, user, body }: Asked): Promise<Answer> {
  const { client, access, signal } = console;
  const { namespace = "", name = "" } = params;
  const verb: Verb = body.verb;
  const refusal = access.steeringOff ?? (await access.refusal(user, verb, "canaries", namespace, name, signal));
  if (refusal !== undefined) return problem(403, refusal);
  const object = await canaryIn(console, namespace, name);
  if (object === undefined) return problem(404, `there is no canary ${name} in namespace ${namespace}`);
  const facts = factsOf(object);
  const stale = staleOf(facts, body);
  if (stale !== undefined) return problem(409, stale);
  const action = await actionFor(client, facts, verb, wishOf(body), signal);
  action.spec.by = user.name;
  try {
    await createAction(client, action, false, signal);
  } catch (error) {
    return problem(isNotFound(error) ? 501 : 502, errorText(error));
  }
  const answer = await answerOf(client, action, ANSWER_MS, signal).catch((error: unknown) => ({
    phase: "Asked",
    message: errorText(error),
  }));
  return { status: answer.phase === "Refused" ? 409 : 202, body: { name: action.metadata.name, ...answer } };
}

/** The canary has moved on since the person looked. */
function staleOf({ step, run, revision }: Facts, seen: KubeFields): string | undefined {
  if (seen["step"] !== undefined && seen["step"] !== step)
    return `the canary is at step ${step} already; you saw step ${seen["step"]}`;
  if (seen["run"] !== undefined && seen["run"] !== (run?.id ?? ""))
    return "another release is under way than the one that you saw";
  if (seen["revision"] !== undefined && seen["revision"] !== revision)
    return "another revision is released than the one that you saw";
  return undefined;
}

const LONGEST_REASON = 500;

function wishOf({ reason, gate, for: duration }: KubeFields): Wish {
  return {
    ...(reason ? { reason: reason.slice(0, LONGEST_REASON) } : {}),
    ...(gate ? { gate } : {}),
    ...(duration ? { for: duration } : {}),
  };
}

/** No release begins in the namespace until the freeze ends. */
export async function freeze(
  { client, access, clock, signal }: Console,
  { params, user, body }: Asked,
): Promise<Answer> {
  if (access.steeringOff !== undefined) return problem(403, access.steeringOff);
  const { namespace = "" } = params;
  const { canaries = [], reason = "", until = "", runs = "finish" } = body;
  const end = until === "" ? undefined : Date.parse(until);
  if (end !== undefined && !(end > clock.now())) return problem(400, "until must be a time in the future");
  const spec: CanaryFreezeSpec = {
    ...{ by: user.name, runs },
    ...(canaries.length === 0 ? {} : { canaries }),
    ...(end === undefined ? {} : { until: new Date(end).toISOString() }),
    ...(reason === "" ? {} : { reason: reason.slice(0, LONGEST_REASON) }),
  };
  const name = `freeze-${clock.now().toString(36)}`;
  const metadata = { name, namespace };
  const object = { apiVersion: apiVersionOf(STEERING.freeze), kind: STEERING.freeze.kind, metadata, spec };
  return await answered(async () => {
    await client.kube.create(STEERING.freeze, object, signal);
    return { status: 201, body: { name } };
  });
}

export async function thaw({ client, access, signal }: Console, { params }: Asked): Promise<Answer> {
  if (access.steeringOff !== undefined) return problem(403, access.steeringOff);
  const { namespace = "", name = "" } = params;
  return await answered(async () => {
    await client.kube.delete({ type: STEERING.freeze, namespace, name }, {}, signal);
    return ok({ name });
  });
}

async function answered(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (isNotFound(error)) return problem(501, "the cluster does not know CanaryFreezes: `aviary apply deploy/crds`");
    return problem(isAlreadyExists(error) ? 409 : 502, error.message);
  }
}
