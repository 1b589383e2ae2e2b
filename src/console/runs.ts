/** Reads of releases on record. */
import { byStart } from "../cli/steer/seen.ts";
import { STEERING } from "../ports/steering.ts";
import { recordsOf } from "./records.ts";
import { type Answer, type Asked, type Console, ok, problem, seenBy } from "./route.ts";
import { runRow, runView } from "./views.ts";

const MOST_ROWS = 500;

export async function runs(console: Console, { user, query }: Asked): Promise<Answer> {
  const { objects, installed, trouble } = await recordsOf(console, query("namespace") ?? "", query("canary"));
  const seen = (await seenBy(console, user, "canaryruns", objects)).sort(byStart);
  return ok({
    ...{ rows: seen.slice(0, MOST_ROWS).map(runRow), records: installed },
    ...{ hidden: objects.length - seen.length, left: Math.max(0, seen.length - MOST_ROWS) },
    ...(trouble === undefined ? {} : { trouble }),
  });
}

export async function run({ client, signal }: Console, { params }: Asked): Promise<Answer> {
  const { namespace = "", name = "" } = params;
  const object = await client.kube.get({ type: STEERING.run, namespace, name }, signal);
  return object === undefined
    ? problem(404, `there is no record ${name} in namespace ${namespace}`)
    : ok(runView(object));
}
