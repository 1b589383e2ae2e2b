/** The REST routes of the console. Each row names the right that it needs: a route without one does not exist. */
import type { ClusterClient } from "../cli/cluster.ts";
import { actionFor, answerOf, createAction, type Wish } from "../cli/steer/action.ts";
import { factsOf } from "../cli/steer/facts.ts";
import { copiesOf, eventsOf, listed, runsOf } from "../cli/steer/seen.ts";
import { VERBS } from "../core/steering.ts";
import type { ObjectCache } from "../ports/kube.ts";
import { isNotFound } from "../ports/kube.ts";
import type { KubeFields, KubeObject } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import type { Access, User } from "./access.ts";
import type { CanaryRow, Me } from "./types.ts";
import { canaryView, rowOf, runRow, runView } from "./views.ts";

export interface Console {
  readonly client: ClusterClient;
  readonly access: Access;
  readonly canaries: ObjectCache;
  readonly runs: ObjectCache;
  readonly signal: AbortSignal;
}

export interface Asked {
  readonly user: User;
  readonly params: Readonly<Record<string, string>>;
  readonly query: (name: string) => string | undefined;
  readonly body: KubeFields;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The verb and resource that the user needs; undefined: the answer itself holds only what the user may see. */
  readonly right: { readonly verb: string; readonly resource: string } | undefined;
  readonly handle: (console: Console, asked: Asked) => Promise<Answer>;
}

const ok = (body: unknown): Answer => ({ status: 200, body });
const problem = (status: number, error: string): Answer => ({ status, body: { error } });

export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/api/v1/me", right: undefined, handle: me },
  { method: "GET", path: "/api/v1/canaries", right: undefined, handle: canaries },
  {
    method: "GET",
    path: "/api/v1/canaries/:namespace/:name",
    right: { verb: "get", resource: "canaries" },
    handle: canary,
  },
  { method: "GET", path: "/api/v1/runs", right: undefined, handle: runs },
  { method: "GET", path: "/api/v1/runs/:namespace/:name", right: { verb: "get", resource: "canaryruns" }, handle: run },
  // The verb of the action itself is checked by the handler: its name is in the body.
  {
    method: "POST",
    path: "/api/v1/canaries/:namespace/:name/actions",
    right: { verb: "get", resource: "canaries" },
    handle: act,
  },
];

function me({ access, client }: Console, { user }: Asked): Promise<Answer> {
  const { mode, steeringOff } = access;
  const body: Me = {
    ...{ user: user.name, mode, cluster: client.name, canSteer: steeringOff === undefined },
    ...(steeringOff === undefined ? {} : { steeringOff }),
  };
  return Promise.resolve(ok(body));
}

/** @returns the namespaces of the objects that the user may list */
export async function visible(
  { access, signal }: Pick<Console, "access" | "signal">,
  user: User,
  resource: string,
  namespaces: readonly string[],
): Promise<(namespace: string) => boolean> {
  const everywhere = (await access.refusal(user, "list", resource, "", "", signal)) === undefined;
  if (everywhere) return () => true;
  const allowed = new Set<string>();
  for (const namespace of new Set(namespaces)) {
    if ((await access.refusal(user, "list", resource, namespace, "", signal)) === undefined) allowed.add(namespace);
  }
  return (namespace) => allowed.has(namespace);
}

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? "";

async function canaries(console: Console, { user }: Asked): Promise<Answer> {
  const { cache, trouble } = { cache: console.canaries, trouble: console.canaries.trouble };
  const all = cache.list();
  const sees = await visible(console, user, "canaries", all.map(namespaceOf));
  const rows: readonly CanaryRow[] = all.filter((object) => sees(namespaceOf(object))).map(rowOf);
  const hidden = all.length - rows.length;
  return ok({ rows, hidden, ...(cache.absent ? { absent: true } : {}), ...(trouble === undefined ? {} : { trouble }) });
}

async function canary(console: Console, { params, user }: Asked): Promise<Answer> {
  const { client, signal, access } = console;
  const { namespace = "", name = "" } = params;
  const object = console.canaries.get(namespace, name);
  if (object === undefined) return problem(404, `there is no canary ${name} in namespace ${namespace}`);
  const [copies, events, records] = await Promise.all([
    copiesOf(client, object, signal),
    eventsOf(client, object, signal),
    runsOf(client, { namespace, name }, signal),
  ]);
  const refusals = new Map<string, string | undefined>();
  for (const verb of VERBS)
    refusals.set(verb, access.steeringOff ?? (await access.refusal(user, verb, "canaries", namespace, name, signal)));
  const forbidden = (verb: string) => refusals.get(verb);
  return ok(canaryView(object, { copies, events, runs: records, records: !console.runs.absent, forbidden }));
}

async function runs(console: Console, { user, query }: Asked): Promise<Answer> {
  const { client, signal } = console;
  const all = await listed(client, STEERING.run, query("namespace") ?? "", {}, signal);
  const sees = await visible(console, user, "canaryruns", all.map(namespaceOf));
  const wanted = query("canary");
  const rows = all
    .filter((object) => sees(namespaceOf(object)) && (wanted === undefined || object.spec?.canary === wanted))
    .map(runRow)
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  return ok({ rows: rows.slice(0, 500), records: !console.runs.absent });
}

async function run({ client, signal }: Console, { params }: Asked): Promise<Answer> {
  const { namespace = "", name = "" } = params;
  const object = await client.kube.get({ type: STEERING.run, namespace, name }, signal);
  return object === undefined
    ? problem(404, `there is no record ${name} in namespace ${namespace}`)
    : ok(runView(object));
}

const ANSWER_MS = 10_000;

/** Creates a CanaryAction, which the operator answers. The browser names what the person saw, so that a stale click does nothing. */
async function act(console: Console, { params, user, body }: Asked): Promise<Answer> {
  const { client, access, signal } = console;
  const { namespace = "", name = "" } = params;
  const verb = VERBS.find((each) => each === body?.verb);
  if (verb === undefined) return problem(400, `verb must be one of ${VERBS.join(", ")}`);
  const refusal = access.steeringOff ?? (await access.refusal(user, verb, "canaries", namespace, name, signal));
  if (refusal !== undefined) return problem(403, refusal);
  const object = console.canaries.get(namespace, name);
  if (object === undefined) return problem(404, `there is no canary ${name} in namespace ${namespace}`);
  const facts = factsOf(object);
  if (typeof body.step === "number" && body.step !== facts.step) {
    return problem(409, `the canary is at step ${facts.step} already; you saw step ${body.step}`);
  }
  const action = await actionFor(client, facts, verb, wishOf(body), signal);
  action.spec.by = user.name;
  try {
    await createAction(client, action, false, signal);
  } catch (error) {
    return problem(isNotFound(error) ? 501 : 502, error instanceof Error ? error.message : String(error));
  }
  const answer = await answerOf(client, action, ANSWER_MS, signal).catch((error: unknown) => ({
    phase: "Asked",
    message: error instanceof Error ? error.message : String(error),
  }));
  return { status: answer.phase === "Refused" ? 409 : 202, body: { name: action.metadata.name, ...answer } };
}

const LONGEST_REASON = 500;

function wishOf({ reason, gate, for: duration }: KubeFields): Wish {
  return {
    ...(typeof reason === "string" && reason !== "" ? { reason: reason.slice(0, LONGEST_REASON) } : {}),
    ...(typeof gate === "string" && gate !== "" ? { gate } : {}),
    ...(typeof duration === "string" && duration !== "" ? { for: duration } : {}),
  };
}
