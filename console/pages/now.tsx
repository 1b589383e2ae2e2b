/** The page "Now": what needs a person, and what is under way. */

import type { CanaryRow, CanaryView } from "../../src/console/types.ts";
import { keyOf, list, listed, listProblem, loadList } from "../api.ts";
import { Split } from "../drawing/split.tsx";
import { asSentence } from "../format.ts";
import { Ago, CardHead, canaryPath, Empty, Link, Pending, Stale } from "../parts.tsx";
import { useRead, useTitle, useVersion } from "./reading.ts";

/** What a person can open comes first, then what has failed, what is paused, and what is failing. */
const urgencyOf = ({ gates, phase, paused, refused, failedChecks }: CanaryRow): number =>
  gates.length > 0 ? 0 : phase === "Failed" || refused ? 1 : paused ? 2 : failedChecks > 0 ? 3 : 4;

const byUrgency = (a: CanaryRow, b: CanaryRow): number => urgencyOf(a) - urgencyOf(b) || b.since - a.since;

export function NowPage() {
  const rows = listed.value;
  const attention = rows.filter((row) => row.attention).sort(byUrgency);
  const running = rows.filter((row) => (row.running || row.frozen) && !row.attention).sort(byUrgency);
  useTitle(attention.length > 0 ? `${attention.length} need you` : "Now");
  if (list.value === undefined)
    return <Pending page="Now" what="the canaries" problem={listProblem.value} again={() => void loadList()} />;
  if (rows.length === 0) return <NoCanaries page="Now" />;
  return (
    <>
      <Stale problem={listProblem.value} again={() => void loadList()} />
      <h1>Now</h1>
      <section aria-labelledby="needs-you">
        <h2 id="needs-you">Needs you {attention.length > 0 && <span class="count">{attention.length}</span>}</h2>
        {attention.length === 0 ? <p class="dim">No canary waits for a person.</p> : <Cards rows={attention} />}
      </section>
      <section aria-labelledby="under-way">
        <h2 id="under-way">Under way {running.length > 0 && <span class="count">{running.length}</span>}</h2>
        {running.length === 0 ? (
          <p class="dim">{attention.some((row) => row.running) ? "No other release" : "No release"} is under way.</p>
        ) : (
          <Cards rows={running} />
        )}
      </section>
      <p class="dim">
        {rows.length === 1 ? "One canary" : `${rows.length} canaries`} in all. <Link to="/canaries">Show all</Link>
      </p>
    </>
  );
}

export function NoCanaries({ page }: { page: string }) {
  const { hidden = 0, absent, trouble } = list.value ?? {};
  if (trouble !== undefined)
    return (
      <Empty page={page} title="The canaries cannot be read">
        <p>{asSentence(trouble)}</p>
        <p class="dim">Releases go on without the console.</p>
      </Empty>
    );
  if (absent) {
    return (
      <Empty page={page} title="This cluster knows no Canaries">
        <p>
          The custom resource <code>canaries.flagger.app</code> is not installed. <code>kubectl apply -k deploy</code>{" "}
          installs it.
        </p>
      </Empty>
    );
  }
  if (hidden > 0)
    return (
      <Empty page={page} title="Nothing to see">
        <p>
          You have no right to list canaries. {hidden} {hidden === 1 ? "is" : "are"} hidden from you.{" "}
          <Link to="/me">What you may do</Link>
        </p>
      </Empty>
    );
  return (
    <Empty page={page} title="No canary yet">
      <p>
        Apply a Canary for a Deployment, and it appears here. <code>aviary plan FILE</code> shows what it would do.
      </p>
    </Empty>
  );
}

const MOST_CARDS = 50;
/** What Flagger writes of each release that failed. The reason is in its events, which the page of a canary reads. */
const FLAGGERS = /^Canary analysis failed/;
const MOST_REASONS = 10;

function Reason({ row }: { row: CanaryRow }) {
  const { value } = useRead<CanaryView>(canaryPath(row), useVersion(keyOf(row)));
  return <>{asSentence(value.value?.run?.sentence || value.value?.what || row.what)}</>;
}

function Cards({ rows }: { rows: readonly CanaryRow[] }) {
  return (
    <>
      <ul class="cards">
        {rows.slice(0, MOST_CARDS).map((row, index) => (
          <li key={canaryPath(row)} class="card">
            <CardHead row={row} />
            <p>{index < MOST_REASONS && FLAGGERS.test(row.what) ? <Reason row={row} /> : asSentence(row.what)}</p>
            {row.running && <Split weight={row.weight} label={row.name} />}
            <p class="dim small">
              {row.gates.length > 0 ? "waits for" : "since"} <Ago since={row.since} />
            </p>
          </li>
        ))}
      </ul>
      {rows.length > MOST_CARDS && (
        <p>
          {rows.length - MOST_CARDS} more are not shown here. <Link to="/canaries">All canaries</Link>
        </p>
      )}
    </>
  );
}
