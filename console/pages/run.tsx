/** One release for good: its address never changes, and its charts are what was written down when it happened. */
import { useSignal } from "@preact/signals";
import type { RunRow, RunView } from "../../src/console/types.ts";
import { changes, href } from "../api.ts";
import { Charts, marksOf, recordedCharts } from "../drawing/chart.tsx";
import { Matrix } from "../drawing/matrix.tsx";
import { Rail } from "../drawing/rail.tsx";
import { clock, day, number, took } from "../format.ts";
import { canaryPath, Fact, Link, Pending, Stale, State } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";
import { Replay } from "./replay.tsx";

export function RunPage({ namespace, id }: { namespace: string; id: string }) {
  /** The count of changes when it was over: later ones say nothing about it. */
  const over = useSignal<number | undefined>(undefined);
  const version = over.value ?? changes.value.count;
  const { value, problem, read } = useRead<RunView>(`/runs/${namespace}/${id}`, version);
  const run = value.value;
  if (run?.endedAt !== undefined) over.value ??= version;
  useTitle(run === undefined ? id : `${run.verdict} ${run.canary}.${namespace}`);
  if (run === undefined) return <Pending what={id} problem={problem.value} again={() => void read()} />;
  const state = run.verdict === "running" ? "running" : run.verdict === "promoted" ? "promoted" : "failed";
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <header class="canary">
        <h1>
          <Link to={canaryPath({ namespace, name: run.canary })}>{run.canary}</Link>{" "}
          <span class="dim">{namespace}</span>
        </h1>
        <State phase={run.verdict} />
      </header>
      <p class="sentence">{run.sentence}</p>
      {run.offSplit !== undefined && <p class="notice wait small">Not split as promised: {run.offSplit}.</p>}
      <Figures run={run} />
      {run.steps.length > 0 && <Rail steps={run.steps} step={run.step} state={state} />}
      <section aria-labelledby="changed">
        <h2 id="changed">What changed</h2>
        <Changed run={run} />
      </section>
      <section aria-labelledby="run-checks">
        <h2 id="run-checks">Checks</h2>
        <Matrix checks={run.checks} />
        <Charts charts={recordedCharts(run.checks)} marks={marksOf(run.checks)} />
      </section>
      <Replay run={run} />
      <Timeline run={run} />
      <Others run={run} />
    </>
  );
}

function Figures({ run }: { run: RunView }) {
  const { requests } = run;
  const counted = (all: number, failed: number | undefined) =>
    `${number(all)}${failed === undefined ? "" : `, ${number(failed)} failed`}`;
  return (
    <dl class="facts">
      <Fact name="Started">{run.startedAt === "" ? "unknown" : day(run.startedAt)}</Fact>
      <Fact name="Took">{took(run.startedAt, run.endedAt)}</Fact>
      <Fact name="Strategy">{run.strategy || "unknown"}</Fact>
      {requests?.canary !== undefined && (
        <Fact name="Requests that met it">{counted(requests.canary, requests.canaryFailed)}</Fact>
      )}
      {requests?.primary !== undefined && (
        <Fact name="Requests to the primary">{counted(requests.primary, requests.primaryFailed)}</Fact>
      )}
      <Fact name="Record">
        <a href={href(`/api/v1/runs/${run.namespace}/${run.id}`)} download={`${run.id}.json`}>
          JSON
        </a>
      </Fact>
    </dl>
  );
}

function Changed({ run }: { run: RunView }) {
  const changed = Object.entries(run.images).filter(([container, image]) => run.previousImages[container] !== image);
  const gone = Object.keys(run.previousImages).filter((container) => !(container in run.images));
  const nothing = changed.length === 0 && gone.length === 0 && run.changedConfigs.length === 0;
  return (
    <>
      {nothing ? (
        <p class="dim">
          {Object.keys(run.images).length === 0
            ? "The record holds no images of this release."
            : "The images are the same: another part of the pod template changed."}
        </p>
      ) : (
        <ul class="diff">
          {changed.map(([container, image]) => (
            <li key={container}>
              <b>{container}</b>
              {run.previousImages[container] !== undefined && (
                <del>
                  <span aria-hidden="true">−</span> <code>{run.previousImages[container]}</code>
                </del>
              )}
              <ins>
                <span aria-hidden="true">+</span> <code>{image}</code>
              </ins>
            </li>
          ))}
          {gone.map((container) => (
            <li key={container}>
              <b>{container}</b>
              <del>
                <span aria-hidden="true">−</span> <code>{run.previousImages[container]}</code>
              </del>
            </li>
          ))}
          {run.changedConfigs.map((config) => (
            <li key={config}>
              <b>{config}</b> <ins>changed</ins>
            </li>
          ))}
        </ul>
      )}
      {run.revision !== "" && (
        <p class="dim small">
          revision <code>{run.previousRevision || "nothing"}</code> → <code>{run.revision}</code>
        </p>
      )}
    </>
  );
}

interface Entry {
  readonly at: string;
  readonly warning: boolean;
  readonly who?: string;
  readonly text: string;
}

/** Events and people in one order of time. */
function Timeline({ run }: { run: RunView }) {
  const said = run.timeline.map(({ at, type, message }): Entry => ({ at, warning: type === "Warning", text: message }));
  const acted = run.people.map(({ at, by, verb, outcome, message, reason }): Entry => {
    const why = reason === undefined || reason === "" ? "" : ` (“${reason}”)`;
    return { at, warning: outcome !== "applied", who: by, text: `${verb}, ${outcome}: ${message}${why}` };
  });
  const entries = [...said, ...acted].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <ol class="events">
        {entries.map((entry, index) => (
          <li key={index} class={entry.warning ? "warning" : ""}>
            <time dateTime={entry.at}>{clock(entry.at)}</time>{" "}
            {entry.who !== undefined ? <b class="person">{entry.who}: </b> : entry.warning && <b>Warning </b>}
            {entry.text}
          </li>
        ))}
      </ol>
      {run.people.length === 0 && <p class="dim">No person acted on this release.</p>}
      {run.gaps > 0 && (
        <p class="notice wait">
          {run.gaps === 1 ? "One turn is" : `${run.gaps} turns are`} missing: the operator was restarted, or the record
          was not accepted.
        </p>
      )}
    </section>
  );
}

/** Releases of the same canary, to compare with. */
function Others({ run }: { run: RunView }) {
  const { value } = useRead<{ rows: RunRow[] }>(
    `/runs?namespace=${encodeURIComponent(run.namespace)}&canary=${encodeURIComponent(run.canary)}`,
    run.id,
  );
  const others = (value.value?.rows ?? []).filter(({ id }) => id !== run.id).slice(0, 5);
  if (others.length === 0) return null;
  return (
    <section aria-labelledby="others">
      <h2 id="others">Compare with</h2>
      <ul class="events">
        {others.map((other) => (
          <li key={other.id}>
            <Link to={`/compare?a=${other.namespace}/${other.id}&b=${run.namespace}/${run.id}`}>
              {other.startedAt === "" ? other.id : day(other.startedAt)}
            </Link>{" "}
            <State phase={other.verdict} /> <span class="dim">{other.sentence}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
