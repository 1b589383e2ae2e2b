/** Reads of canaries: the list, one of them, its charts, and what the user may do. */
import { freezeInForce } from "../cli/steer/frozen.ts";
import { byStart, copiesOf, eventsOf } from "../cli/steer/seen.ts";
import { VERBS } from "../core/people/steering.ts";
import { STEERING } from "../ports/steering.ts";
import { canaryIn, recordsOf } from "./records.ts";
import { type Answer, type Asked, type Console, listOf, ok, problem, seenBy } from "./route.ts";
import type { CanaryRow, Me, RightView } from "./types.ts";
import { canaryView, OFFERED, rowOf } from "./views.ts";

export function me({ access, client }: Console, { user }: Asked): Promise<Answer> {
  const { mode, steeringOff } = access;
  const body: Me = {
    ...{ user: user.name, groups: user.groups, mode, cluster: client.name, canSteer: steeringOff === undefined },
    ...(steeringOff === undefined ? {} : { steeringOff }),
  };
  return Promise.resolve(ok(body));
}

/** What the user may do to canaries of one namespace, and why not. */
export async function rights({ access, signal }: Console, { user, query }: Asked): Promise<Answer> {
  const namespace = query("namespace") ?? "";
  const views = await Promise.all(
    ["get", "list", ...VERBS].map(async (verb): Promise<RightView> => {
      const steers = verb !== "get" && verb !== "list";
      const off = steers ? access.steeringOff : undefined;
      const refusal = off ?? (await access.refusal(user, verb, "canaries", namespace, "", signal));
      return refusal === undefined ? { verb } : { verb, refusal };
    }),
  );
  return ok({ rights: views });
}

export async function canaries(console: Console, { user }: Asked): Promise<Answer> {
  const cache = console.canaries;
  const { trouble } = cache;
  // Taken before the list is read: what changes meanwhile comes by the stream, perhaps twice, and never not at all.
  const at = console.stream.last;
  const all = cache.list();
  const rows: readonly CanaryRow[] = (await seenBy(console, user, "canaries", all)).map(rowOf).sort(byKey);
  const hidden = all.length - rows.length;
  const parts = { rows, hidden, at, ...(cache.absent ? { absent: true } : {}) };
  return { ...ok(trouble === undefined ? parts : { ...parts, trouble }), lines: true };
}

const keyOf = ({ namespace, name }: CanaryRow) => `${namespace}/${name}`;
/** The pages keep this order. */
const byKey = (a: CanaryRow, b: CanaryRow): number => (keyOf(a) < keyOf(b) ? -1 : 1);

/** Beside Flagger, for example. */
const NO_ACTIONS =
  "the cluster has no CanaryActions, so that no operator would answer: this takes Aviary's definitions and its operator";

export async function canary(console: Console, { params, user }: Asked): Promise<Answer> {
  const { client, signal, access } = console;
  const { namespace = "", name = "" } = params;
  const object = await canaryIn(console, namespace, name);
  if (object === undefined) return problem(404, `there is no canary ${name} in namespace ${namespace}`);
  const may = async (verb: string, resource: "pods" | "events" | "canaryruns" | "canaryfreezes") =>
    (await access.refusal(user, verb, resource, namespace, "", signal)) === undefined;
  const [seesPods, seesEvents, seesRuns, seesFreezes] = await Promise.all([
    may("list", "pods"),
    may("list", "events"),
    may("list", "canaryruns"),
    may("list", "canaryfreezes"),
  ]);
  const none = { canary: undefined, primary: undefined };
  const [copies, events, records, freezes] = await Promise.all([
    seesPods ? copiesOf(client, object, signal) : none,
    seesEvents ? eventsOf(client, object, signal) : [],
    seesRuns ? recordsOf(console, namespace, name) : { objects: [], installed: true },
    seesFreezes ? listOf(console, STEERING.freeze, "") : { objects: [] },
  ]);
  const unanswered = console.runs.absent ? NO_ACTIONS : undefined;
  const refusals = new Map<string, string | undefined>(
    await Promise.all(
      OFFERED.map(
        async (verb) =>
          [
            verb,
            access.steeringOff ?? unanswered ?? (await access.refusal(user, verb, "canaries", namespace, name, signal)),
          ] as const,
      ),
    ),
  );
  const notShown = [
    ...(seesPods ? [] : ["pods"]),
    ...(seesEvents ? [] : ["events"]),
    ...(seesRuns ? [] : ["releases"]),
  ];
  const forbidden = (verb: string) => refusals.get(verb);
  const runs = [...records.objects].sort(byStart);
  const [latest] = runs;
  // Its checks are too large to be kept in memory of every release.
  const run = latest && (await client.kube.get({ type: STEERING.run, namespace, name: latest.metadata.name }, signal));
  const freeze = freezeInForce(object, freezes.objects, console.clock.now());
  return ok(
    canaryView(object, {
      ...{ copies, events, runs, records: records.installed, forbidden, notShown },
      ...(run === undefined ? {} : { run }),
      ...(freeze === undefined ? {} : { freeze }),
    }),
  );
}

const LONGEST_MINUTES = 24 * 60;
const USUAL_MINUTES = 15;

export async function series(console: Console, { params, query }: Asked): Promise<Answer> {
  const { namespace = "", name = "" } = params;
  const object = await canaryIn(console, namespace, name);
  if (object === undefined) return problem(404, `there is no canary ${name} in namespace ${namespace}`);
  const minutes = Number(query("minutes") ?? USUAL_MINUTES);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > LONGEST_MINUTES)
    return problem(400, `minutes must be a whole number from 1 to ${LONGEST_MINUTES}`);
  return ok(await console.series(object, minutes, console.signal));
}
