/** Figures of past releases: how many, how they ended, which checks fail most, and which never fail. */
import type { InsightsView } from "../../src/console/types.ts";
import { query, setQuery } from "../api.ts";
import { number, span } from "../format.ts";
import { canaryPath, Empty, Fact, Link, Pending, Stale } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";
import { NoRecord } from "./runs.tsx";

const SPANS = ["7", "30", "90"];

export function InsightsPage() {
  useTitle("Insights");
  const asked = new URLSearchParams(query.value).get("days") ?? "30";
  const days = SPANS.includes(asked) ? asked : "30";
  const { value, problem, read } = useRead<InsightsView>(`/insights?days=${days}`, "");
  const view = value.value;
  if (view === undefined)
    return <Pending page="Insights" what="the figures" problem={problem.value} again={() => void read()} />;
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <h1>Insights</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Time{" "}
          <select value={days} onChange={(event) => setQuery({ days: event.currentTarget.value })}>
            {SPANS.map((each) => (
              <option key={each} value={each}>
                the last {each} days
              </option>
            ))}
          </select>
        </label>
      </form>
      {view.runs === 0 ? (
        <Empty title="No release ended in this time">
          {view.records ? (
            <p>Choose a longer time, or come back after the next release.</p>
          ) : (
            <NoRecord records={false} />
          )}
        </Empty>
      ) : (
        <Figures view={view} />
      )}
    </>
  );
}

function Figures({ view }: { view: InsightsView }) {
  const judged = view.promoted + view.rolledBack;
  return (
    <>
      <dl class="facts">
        <Fact name="Releases">{number(view.runs)}</Fact>
        <Fact name="Promoted">{number(view.promoted)}</Fact>
        <Fact name="Rolled back">
          {number(view.rolledBack)}
          {judged > 0 && ` (${number(Math.round((view.rolledBack / judged) * 100))} %)`}
        </Fact>
        {view.otherwise > 0 && <Fact name="Ended otherwise">{number(view.otherwise)}</Fact>}
        {view.medianMs !== undefined && <Fact name="A promotion takes">{span(view.medianMs)}</Fact>}
      </dl>
      <section aria-labelledby="per-day">
        <h2 id="per-day">Releases per day</h2>
        <Days view={view} />
      </section>
      <div class="two">
        <section aria-labelledby="failing">
          <h2 id="failing">Checks that fail most</h2>
          <Checks rows={view.checks.filter(({ failed }) => failed > 0)} none="No check failed in this time." />
        </section>
        <section aria-labelledby="never">
          <h2 id="never">Checks that never fail</h2>
          <p class="dim small">A check that never fails may have a limit that nothing can miss.</p>
          <Checks rows={view.checks.filter(({ failed }) => failed === 0)} none="Every check failed at least once." />
        </section>
      </div>
      <section aria-labelledby="most">
        <h2 id="most">Canaries that are rolled back most</h2>
        <ul class="events">
          {view.canaries.slice(0, 10).map((row) => (
            <li key={`${row.namespace}/${row.canary}`}>
              <Link to={canaryPath({ namespace: row.namespace, name: row.canary })}>{row.canary}</Link>{" "}
              <span class="dim">{row.namespace}</span> {row.rolledBack} of {row.runs} rolled back
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Checks({ rows, none }: { rows: InsightsView["checks"]; none: string }) {
  if (rows.length === 0) return <p class="dim">{none}</p>;
  return (
    <ul class="events">
      {rows.slice(0, 10).map(({ check, asked, failed }) => (
        <li key={check}>
          <b>{check}</b>{" "}
          <span class="dim">
            {failed === 0 ? `asked ${number(asked)} times` : `failed ${number(failed)} of ${number(asked)} times`}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Bars with their numbers: the table is the chart. */
function Days({ view }: { view: InsightsView }) {
  const most = Math.max(1, ...view.perDay.map(({ promoted, rolledBack }) => promoted + rolledBack));
  return (
    <ol class="days">
      {view.perDay.slice(-30).map(({ day, promoted, rolledBack }) => (
        <li key={day}>
          <time dateTime={day}>{day.slice(5)}</time>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="good" width={(promoted / most) * 100} height="8" />
            <rect class="bad" x={(promoted / most) * 100} width={(rolledBack / most) * 100} height="8" />
          </svg>
          <span>
            {promoted} promoted{rolledBack > 0 && <b class="bad">, {rolledBack} rolled back</b>}
          </span>
        </li>
      ))}
    </ol>
  );
}
