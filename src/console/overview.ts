/** What concerns many canaries: freezes, figures of past releases, and whether the installation can work. */
import { createKeptAnswers, type KeepAnswer } from "../async/kept-answers.ts";
import { findingsOf } from "../cli/commands/check.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { STEERING } from "../ports/steering.ts";
import { recordsOf, type Tally } from "./records.ts";
import { type Answer, type Asked, type Console, listOf, namespaceOf, ok, problem, seenBy, visible } from "./route.ts";
import { textIn } from "./shown.ts";
import { isSketch } from "./sketches.ts";
import type { FreezeView, InsightsView } from "./types.ts";

const KEPT_CHECKS = { forMs: 5000, most: 1 };
const keepers = new WeakMap<Console["client"], KeepAnswer>();

/** It lists half of the cluster: people who ask at the same time get one answer. */
export async function checks({ client, signal, clock, canaries, namespace = "" }: Console): Promise<Answer> {
  const keep = keepers.get(client) ?? createKeptAnswers(clock, KEPT_CHECKS);
  keepers.set(client, keep);
  // Those that the console does not keep, because the objects of their namespaces are too large, are not looked at.
  const known = canaries.list(namespace).filter((canary) => !isSketch(canary));
  return ok({ findings: await keep("checks", () => findingsOf(client, namespace, signal, known)) });
}

export async function freezes(console: Console, { user }: Asked): Promise<Answer> {
  const { objects, installed } = await listOf(console, STEERING.freeze, "");
  const now = console.clock.now();
  const seen = await seenBy(console, user, "canaryfreezes", objects);
  const rows = seen.map((object) => freezeView(object, now));
  const namespaces = [...new Set(console.canaries.list().map(namespaceOf))].sort();
  const seesCanaries = await visible(console, user, "canaries", () => namespaces);
  const { steeringOff } = console.access;
  return ok({
    ...{ rows, installed, namespaces: namespaces.filter(seesCanaries) },
    ...(steeringOff === undefined ? {} : { steeringOff }),
  });
}

function freezeView({ metadata, spec }: KubeObject, now: number): FreezeView {
  const [from, until] = [spec?.from, spec?.until];
  const over = until !== undefined && Date.parse(until) <= now;
  const later = from !== undefined && Date.parse(from) > now;
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    canaries: (spec?.canaries ?? []).map(textIn),
    ...(from === undefined ? {} : { from: textIn(from) }),
    ...(until === undefined ? {} : { until: textIn(until) }),
    by: textIn(spec?.by),
    reason: textIn(spec?.reason),
    runs: spec?.runs === "hold" ? "hold" : "finish",
    state: over ? "over" : later ? "later" : "active",
  };
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 365;

export async function insights(console: Console, { user, query }: Asked): Promise<Answer> {
  const days = Number(query("days") ?? 30);
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS)
    return problem(400, `days must be a whole number from 1 to ${MOST_DAYS}`);
  const { objects, installed } = await recordsOf(console, "");
  const seen = await seenBy(console, user, "canaryruns", objects);
  return ok(insightsOf(seen, days, console.clock.now(), installed));
}

/** Figures of the runs that began in the last days. */
function insightsOf(all: readonly KubeObject[], days: number, now: number, records: boolean): InsightsView {
  const runs = all.filter(({ spec, status }) => {
    const started = Date.parse(spec?.startedAt ?? "");
    return started > now - days * DAY_MS && status?.endedAt !== undefined;
  });
  const verdictOf = ({ status }: KubeObject): string => status?.verdict ?? "";
  const count = (verdict: string) => runs.filter((run) => verdictOf(run) === verdict).length;
  const [promoted, rolledBack] = [count("promoted"), count("rolled-back")];
  const took = runs
    .filter((run) => verdictOf(run) === "promoted")
    .map(({ spec, status }) => Date.parse(status?.endedAt) - Date.parse(spec?.startedAt))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const median = took[Math.floor(took.length / 2)];
  return {
    ...{ days, runs: runs.length, promoted, rolledBack, otherwise: runs.length - promoted - rolledBack },
    ...(median === undefined ? {} : { medianMs: median }),
    perDay: perDay(runs, verdictOf),
    checks: checksOf(runs),
    canaries: canariesOf(runs, verdictOf),
    records,
  };
}

function perDay(runs: readonly KubeObject[], verdictOf: (run: KubeObject) => string): InsightsView["perDay"] {
  const found = new Map<string, { promoted: number; rolledBack: number }>();
  for (const run of runs) {
    const day = String(run.spec?.startedAt).slice(0, 10);
    const counts = found.get(day) ?? { promoted: 0, rolledBack: 0 };
    if (verdictOf(run) === "promoted") counts.promoted += 1;
    if (verdictOf(run) === "rolled-back") counts.rolledBack += 1;
    found.set(day, counts);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, counts]) => ({ day, ...counts }));
}

const MOST_LISTED = 50;

function checksOf(runs: readonly KubeObject[]): InsightsView["checks"] {
  const found = new Map<string, { asked: number; failed: number }>();
  for (const { status } of runs) {
    for (const { check, asked, failed } of (status?.["tallies"] ?? []) as readonly Tally[]) {
      const counts = found.get(textIn(check)) ?? { asked: 0, failed: 0 };
      counts.asked += asked;
      counts.failed += failed;
      found.set(textIn(check), counts);
    }
  }
  const rows = [...found].map(([check, counts]) => ({ check, ...counts }));
  return rows.sort((a, b) => b.failed - a.failed || b.asked - a.asked).slice(0, MOST_LISTED);
}

function canariesOf(runs: readonly KubeObject[], verdictOf: (run: KubeObject) => string): InsightsView["canaries"] {
  const found = new Map<string, { namespace: string; canary: string; runs: number; rolledBack: number }>();
  for (const run of runs) {
    const [namespace, canary] = [namespaceOf(run), textIn(run.spec?.canary)];
    const row = found.get(`${namespace}/${canary}`) ?? { namespace, canary, runs: 0, rolledBack: 0 };
    row.runs += 1;
    if (verdictOf(run) === "rolled-back") row.rolledBack += 1;
    found.set(`${namespace}/${canary}`, row);
  }
  return [...found.values()].sort((a, b) => b.rolledBack - a.rolledBack || b.runs - a.runs).slice(0, MOST_LISTED);
}
