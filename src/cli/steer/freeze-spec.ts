/** What a freeze asks for, from the options of a command line, and how it reads in one line. */
import { nextWindow, scheduleProblem } from "../../operator/steering/freezes.ts";
import { labelText } from "../../ports/kubernetes.ts";
import type { CanaryFreezeSpec } from "../../ports/steering.ts";
import { UserError } from "../command.ts";
import { durationOf, type OptionSpec, oneOf, type ReadOptions } from "../options.ts";

export const FREEZE_SPEC_OPTIONS = {
  from: { type: "string", help: "time at which it begins, e.g. 2026-12-24T12:00:00Z; else at once" },
  until: { type: "string", help: "time at which it ends, e.g. 2026-12-27T08:00:00Z; else until `thaw`" },
  for: { type: "string", help: "how long, e.g. 48h; with --schedule, how long each window is" },
  schedule: { type: "string", help: 'when windows begin, as five fields of cron: "0 18 * * 5" is Friday, 18:00' },
  "time-zone": { type: "string", help: "zone of the schedule, e.g. Europe/Berlin; else UTC" },
  selector: { type: "string", short: "l", help: "only Canaries with these labels: app=shop,tier=web" },
  scope: {
    type: "string",
    preset: "namespace",
    help: "namespace or cluster; cluster needs -n, the operator's namespace",
  },
  reason: { type: "string", help: "shown where a release waits" },
  runs: { type: "string", preset: "finish", help: "finish or hold: what becomes of releases under way" },
} as const satisfies Record<string, OptionSpec>;

/** @throws UserError for what cannot be meant */
export function freezeSpecOf(options: ReadOptions, now: number): Omit<CanaryFreezeSpec, "by"> {
  const { text } = options;
  const canaries = options.words.map((word) => word.replace(/^canar(?:y|ies)\//, ""));
  const scope = oneOf(options, "scope", ["namespace", "cluster"]);
  if (scope === "cluster" && text("namespace") === undefined) {
    throw new UserError(
      "--scope cluster counts in the namespace of the operator's Lease only (-leader-election-namespace): name it, e.g. -n kube-system",
      2,
    );
  }
  const labels = labelsOf(text("selector"));
  const when = text("schedule") === undefined ? spanOf(options, now) : windowsOf(options, now);
  const reason = text("reason");
  return {
    runs: oneOf(options, "runs", ["finish", "hold"]),
    ...(canaries.length === 0 ? {} : { canaries }),
    ...(labels === undefined ? {} : { selector: { matchLabels: labels } }),
    ...(scope === "cluster" ? { scope } : {}),
    ...when,
    ...(reason === undefined ? {} : { reason }),
  };
}

type When = Pick<CanaryFreezeSpec, "from" | "until" | "schedule" | "duration" | "timeZone">;

/** One span of time. */
function spanOf({ text }: ReadOptions, now: number): When {
  const [until, span] = [text("until"), text("for")];
  if (text("time-zone") !== undefined) throw new UserError("--time-zone goes with --schedule", 2);
  if (until !== undefined && span !== undefined) throw new UserError("give --until or --for, not both", 2);
  const from = timeOf("from", text("from"));
  const end = span === undefined ? timeOf("until", until) : (from ?? now) + durationOf(span, "for", "48h");
  return bounds(from, end, now);
}

/** Windows that come again. */
function windowsOf({ text }: ReadOptions, now: number): When {
  const [schedule = "", span, timeZone] = [text("schedule"), text("for"), text("time-zone")];
  if (span === undefined) throw new UserError("--schedule says when windows begin: --for says how long each one is", 2);
  durationOf(span, "for", "48h");
  const problem = scheduleProblem(schedule, timeZone);
  if (problem !== undefined) throw new UserError(problem, 2);
  const within = bounds(timeOf("from", text("from")), timeOf("until", text("until")), now);
  return { ...within, schedule, duration: span, ...(timeZone === undefined ? {} : { timeZone }) };
}

function bounds(from: number | undefined, until: number | undefined, now: number): When {
  if (until !== undefined && until <= Math.max(now, from ?? now)) {
    const what = from !== undefined && until <= from ? "is before --from" : "has passed already";
    throw new UserError(`--until ${new Date(until).toISOString()} ${what}`, 2);
  }
  return {
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new UserError(`--${name} must be like 2026-12-27T08:00:00Z, found "${text}"`, 2);
  return at;
}

function labelsOf(text: string | undefined): Readonly<Record<string, string>> | undefined {
  if (text === undefined) return undefined;
  const pairs = text.split(",").map((pair) => /^\s*([^=\s]+)\s*==?\s*([^=\s]*)\s*$/.exec(pair));
  return Object.fromEntries(
    pairs.map((pair) => {
      if (pair === null) throw new UserError(`--selector must be like app=shop,tier=web, found "${text}"`, 2);
      return [pair[1] ?? "", pair[2] ?? ""] as const;
    }),
  );
}

/** @example "podinfo", "all Canaries of shop", "all Canaries of the cluster with app=shop" */
export function whichText({ canaries = [], scope, selector }: CanaryFreezeSpec, namespace: string): string {
  const place = scope === "cluster" ? "the cluster" : namespace;
  const named = canaries.length === 0 ? `all Canaries of ${place}` : canaries.join(", ");
  const labels = labelText(selector?.matchLabels ?? {});
  return labels === "" ? named : `${named} with ${labels}`;
}

/** @example "until 2026-12-27T08:00:00.000Z", "62h from \"0 18 * * 5\" (Europe/Berlin), next at …" */
export function whenText(spec: CanaryFreezeSpec, now: number): string {
  const { from, until, schedule, duration = "", timeZone = "UTC" } = spec;
  const end = until === undefined ? "until `aviary thaw`" : `until ${until}`;
  if (schedule === undefined) return from === undefined ? end : `from ${from} ${end}`;
  const next = nextWindow(spec, now);
  const at =
    next === undefined ? "" : `, ${next.from <= now ? "since" : "next at"} ${new Date(next.from).toISOString()}`;
  return `for ${duration} after "${schedule}" (${timeZone})${at}, ${end}`;
}
