/** Releases on record: the list, and one release with all its data. */
import type { RunRow, RunView } from "../../src/console/types.ts";
import { changes, query, setQuery } from "../api.ts";
import { clock, day, number, shortImage, took } from "../format.ts";
import { Chart, Empty, Link, Loading, Matrix, Rail, State, Trouble } from "../parts.tsx";
import { Fact } from "./me.tsx";
import { useRead, useTitle } from "./reading.ts";

export function Checks({ run }: { run: RunView }) {
  const names = [...new Set(run.checks.map(({ check }) => check))];
  return (
    <>
      <Matrix checks={run.checks} />
      <div class="charts">
        {names.map((name) => (
          <Chart key={name} name={name} checks={run.checks} />
        ))}
      </div>
    </>
  );
}

export const NoRecord = ({ records }: { records: boolean }) => (
  <p class="dim">
    {records
      ? "No release has been recorded yet."
      : "This cluster keeps no records: the custom resource CanaryRun is not installed. Events below are all there is."}
  </p>
);

export function Runs({ rows }: { rows: readonly RunRow[] }) {
  return (
    <section class="scroll" aria-label="Releases on record">
      <table>
        <thead>
          <tr>
            <th scope="col">Release</th>
            <th scope="col">Verdict</th>
            <th scope="col" class="wide">
              Why
            </th>
            <th scope="col">Images</th>
            <th scope="col">Started</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">
                <Link to={`/runs/${row.namespace}/${row.id}`}>{row.canary}</Link>
              </th>
              <td>
                <State phase={row.verdict} />
              </td>
              <td class="wide">{row.sentence}</td>
              <td>
                {Object.values(row.images).map((image) => (
                  <code key={image} title={image}>
                    {shortImage(image)}
                  </code>
                ))}
              </td>
              <td>{row.startedAt === "" ? "" : day(row.startedAt)}</td>
              <td>{took(row.startedAt, row.endedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function RunsPage() {
  useTitle("Releases");
  const search = new URLSearchParams(query.value);
  const verdict = search.get("verdict") ?? "";
  const { value, problem, read } = useRead<{ rows: RunRow[]; records: boolean }>("/runs", changes.value.count);
  if (value.value === undefined)
    return problem.value === undefined ? (
      <Loading what="the releases" />
    ) : (
      <Trouble problem={problem.value} again={() => void read()} />
    );
  const { rows, records } = value.value;
  const verdicts = [...new Set(rows.map((row) => row.verdict))].sort();
  const shown = rows.filter((row) => verdict === "" || row.verdict === verdict);
  return (
    <>
      <h1>Releases</h1>
      {rows.length === 0 ? (
        <Empty title="No release is on record">
          <NoRecord records={records} />
        </Empty>
      ) : (
        <>
          <form class="filters" onSubmit={(event) => event.preventDefault()}>
            <label>
              Verdict{" "}
              <select value={verdict} onChange={(event) => setQuery({ verdict: event.currentTarget.value })}>
                <option value="">all</option>
                {verdicts.map((each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ))}
              </select>
            </label>
            <span class="dim" role="status">
              {shown.length} of {rows.length}
            </span>
          </form>
          <Runs rows={shown} />
        </>
      )}
    </>
  );
}

export function RunPage({ namespace, id }: { namespace: string; id: string }) {
  const { value, problem, read } = useRead<RunView>(`/runs/${namespace}/${id}`, changes.value.count);
  const run = value.value;
  useTitle(run === undefined ? id : `${run.verdict} ${run.canary}.${namespace}`);
  if (run === undefined)
    return problem.value === undefined ? (
      <Loading what={id} />
    ) : (
      <Trouble problem={problem.value} again={() => void read()} />
    );
  const { requests } = run;
  return (
    <>
      <header class="canary">
        <h1>
          <Link to={`/canaries/${namespace}/${run.canary}`}>{run.canary}</Link> <span class="dim">{namespace}</span>
        </h1>
        <State phase={run.verdict} />
      </header>
      <p class="sentence">{run.sentence}</p>
      <dl class="facts">
        <Fact name="Started">{run.startedAt === "" ? "unknown" : day(run.startedAt)}</Fact>
        <Fact name="Took">{took(run.startedAt, run.endedAt)}</Fact>
        <Fact name="Strategy">{run.strategy}</Fact>
        {requests?.canary !== undefined && (
          <Fact name="Requests to the canary">
            {number(requests.canary)}
            {requests.canaryFailed !== undefined && `, ${number(requests.canaryFailed)} failed`}
          </Fact>
        )}
        {requests?.primary !== undefined && (
          <Fact name="Requests to the primary">
            {number(requests.primary)}
            {requests.primaryFailed !== undefined && `, ${number(requests.primaryFailed)} failed`}
          </Fact>
        )}
      </dl>
      <section aria-labelledby="changed">
        <h2 id="changed">What changed</h2>
        <Changed run={run} />
      </section>
      {run.steps.length > 0 && (
        <Rail steps={run.steps} step={run.steps.length + 1} running={run.verdict === "promoted"} />
      )}
      <section aria-labelledby="run-checks">
        <h2 id="run-checks">Checks</h2>
        <Checks run={run} />
      </section>
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol class="events">
          {run.timeline.map((entry) => (
            <li key={`${entry.at} ${entry.message}`} class={entry.type === "Warning" ? "warning" : ""}>
              <time dateTime={entry.at}>{clock(entry.at)}</time> {entry.type === "Warning" && <b>Warning </b>}
              {entry.message}
            </li>
          ))}
        </ol>
        {run.gaps > 0 && (
          <p class="notice">
            {run.gaps === 1 ? "One turn is" : `${run.gaps} turns are`} missing: the operator was restarted, or the
            record was not accepted.
          </p>
        )}
      </section>
      <section aria-labelledby="people">
        <h2 id="people">People</h2>
        {run.people.length === 0 ? (
          <p class="dim">No person acted on this release.</p>
        ) : (
          <ul class="events">
            {run.people.map((one) => (
              <li key={`${one.at} ${one.verb}`}>
                <time dateTime={one.at}>{clock(one.at)}</time> <b>{one.by}</b>: {one.verb}, {one.outcome}: {one.message}
                {one.reason !== undefined && ` (“${one.reason}”)`}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function Changed({ run }: { run: RunView }) {
  const changed = Object.entries(run.images).filter(([container, image]) => run.previousImages[container] !== image);
  if (changed.length === 0 && run.changedConfigs.length === 0)
    return <p class="dim">The images are the same: another part of the pod template changed.</p>;
  return (
    <ul>
      {changed.map(([container, image]) => (
        <li key={container}>
          {container}: <code>{run.previousImages[container] ?? "nothing"}</code> → <code>{image}</code>
        </li>
      ))}
      {run.changedConfigs.map((config) => (
        <li key={config}>{config} changed</li>
      ))}
    </ul>
  );
}
