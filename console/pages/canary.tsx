/** One canary: what it does, its split, steps, checks, charts, pods, releases and events. */

import { computed } from "@preact/signals";
import type { CanaryView, CopyView, SeriesView } from "../../src/console/types.ts";
import { still } from "../api.ts";
import { Charts, marksOf, recordedCharts } from "../drawing/chart.tsx";
import { Matrix } from "../drawing/matrix.tsx";
import { Rail } from "../drawing/rail.tsx";
import { Band } from "../drawing/split.tsx";
import { asSentence, clock, shortImage } from "../format.ts";
import { Ago, CanaryState, now, Pending, Stale } from "../parts.tsx";
import { useRead, useTitle, useVersion } from "./reading.ts";
import { NoRecord, Runs } from "./runs.tsx";
import { Verbs } from "./verbs.tsx";

export function CanaryPage({ namespace, name }: { namespace: string; name: string }) {
  const key = `${namespace}/${name}`;
  const { value, problem, read } = useRead<CanaryView>(`/canaries/${key}`, useVersion(key));
  const view = value.value;
  useTitle(titleOf(view, key));
  if (view === undefined) return <Pending what={key} problem={problem.value} again={() => void read()} />;
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <header class="canary">
        <h1>
          {view.name} <span class="dim">{view.namespace}</span>
        </h1>
        <CanaryState row={view} />
      </header>
      <p class="sentence">{asSentence(view.run?.sentence && !view.running ? view.run.sentence : view.what)}</p>
      {view.warnings.map((warning) => (
        <p class="notice wait" key={warning}>
          {asSentence(warning)}
        </p>
      ))}
      <Live view={view} />
      <Verbs view={view} done={() => void read()} />
      <section aria-labelledby="checks">
        <h2 id="checks">{view.running || view.run === undefined ? "Checks" : "Checks of the last release"}</h2>
        <Checks view={view} />
      </section>
      <section class="two" aria-label="Pods">
        <Pods title="Canary" copy={view.canary} hidden={view.notShown.includes("pods")} />
        <Pods title="Primary" copy={view.primary} hidden={view.notShown.includes("pods")} />
      </section>
      <section aria-labelledby="runs">
        <h2 id="runs">Releases</h2>
        {view.notShown.includes("releases") ? (
          <p class="dim">You have no right to list canaryruns in namespace {namespace}.</p>
        ) : view.runs.length === 0 ? (
          <NoRecord records={view.records} />
        ) : (
          <Runs rows={view.runs} />
        )}
      </section>
      <Events view={view} />
    </>
  );
}

function titleOf(view: CanaryView | undefined, key: string): string {
  if (view === undefined) return key;
  return `${view.running ? `${view.weight} %` : view.phase} ${view.name}.${view.namespace}`;
}

const SERIES_MS = 10_000;
/** The page listens to this, not to each second. */
const ticks = computed(() => Math.floor(now.value / SERIES_MS));

/** The split, the steps and what comes next: the part that moves. */
function Live({ view }: { view: CanaryView }) {
  const tick = view.running && !still.value ? ticks.value : 0;
  const address = `/canaries/${view.namespace}/${view.name}/series?minutes=15`;
  const { value, problem } = useRead<SeriesView>(address, tick);
  const series = value.value;
  const unmeasured = series?.trouble ?? series?.unmeasured ?? problem.value?.message;
  const marks = view.run === undefined ? [] : marksOf(view.run.checks);
  const state = railState(view);
  const step = view.running ? view.step : (view.run?.step ?? 0);
  return (
    <>
      {view.running && (
        <Band
          weight={view.weight}
          share={series?.share}
          unmeasured={unmeasured}
          since={view.since}
          mirror={view.plan[view.step - 1]?.mirror === true}
        />
      )}
      {view.plan.length > 0 && (
        <>
          <Rail steps={view.plan} step={step} state={state} judgedAt={view.judgedAt} intervalMs={view.intervalMs} />
          <p class="dim">
            {view.running && (
              <>
                {view.failedChecks} of {view.threshold} failed checks · since <Ago since={view.since} /> ·{" "}
              </>
            )}
            {view.strategy} on {view.provider} · a step lasts {view.intervalMs / 1000} s
            {` · ${view.threshold} failed ${view.threshold === 1 ? "check rolls" : "checks roll"} back`}
          </p>
        </>
      )}
      {series !== undefined && series.charts.length > 0 ? (
        <section aria-labelledby="measured">
          <h2 id="measured">Canary and primary, the last 15 minutes</h2>
          <Charts charts={series.charts} marks={marks} />
        </section>
      ) : (
        view.run !== undefined && <Charts charts={recordedCharts(view.run.checks)} marks={marks} />
      )}
    </>
  );
}

function railState({ running, run }: CanaryView): "running" | "failed" | "promoted" | "idle" {
  if (running) return "running";
  if (run?.verdict === "rolled-back") return "failed";
  return run?.verdict === "promoted" ? "promoted" : "idle";
}

function Checks({ view }: { view: CanaryView }) {
  if (view.notShown.includes("releases"))
    return <p class="dim">You have no right to see the record of this release.</p>;
  // Below, "Releases" says why there is no record.
  if (view.run === undefined || (view.running && view.run.verdict !== "running"))
    return <p class="dim">No check is on record.</p>;
  return <Matrix checks={view.run.checks} />;
}

function Events({ view }: { view: CanaryView }) {
  return (
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      {view.events.length === 0 ? (
        <p class="dim">
          {view.notShown.includes("events")
            ? `You have no right to list events in namespace ${view.namespace}.`
            : "No event is left. Kubernetes keeps events for one hour."}
        </p>
      ) : (
        <ul class="events">
          {view.events.map((event) => (
            <li key={`${event.at} ${event.message}`} class={event.type === "Warning" ? "warning" : ""}>
              <time dateTime={new Date(event.at).toISOString()}>{clock(event.at)}</time>{" "}
              {event.type === "Warning" && <b>Warning </b>}
              {event.message}
              {event.count > 1 && ` (${event.count} times)`}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface PodsProps {
  readonly title: string;
  readonly copy: CopyView | undefined;
  readonly hidden: boolean;
}

function Pods({ title, copy, hidden }: PodsProps) {
  return (
    <div>
      <h2>
        <span class={`key ${title.toLowerCase()}`} aria-hidden="true" /> {title}
      </h2>
      {copy === undefined ? (
        <p class="dim">{hidden ? "You have no right to list pods here." : "There is no such workload."}</p>
      ) : (
        <>
          <p class="dim small">
            {copy.images.map((image) => (
              <code key={image} title={image}>
                {shortImage(image)}
              </code>
            ))}
          </p>
          {copy.pods.length === 0 ? (
            <p class="dim">No pods. Between releases the canary has none.</p>
          ) : (
            <ul class="pods">
              {copy.pods.map((pod) => (
                <li key={pod.name}>
                  <span class={`state ${pod.ready ? "good" : "bad"}`}>
                    <span aria-hidden="true">{pod.ready ? "✓" : "✕"}</span> {pod.ready ? "ready" : "not ready"}
                  </span>{" "}
                  {pod.name}{" "}
                  <span class="dim">
                    {pod.state}
                    {pod.restarts > 0 && `, ${pod.restarts} ${pod.restarts === 1 ? "restart" : "restarts"}`}
                    {pod.ended !== undefined && `, ended before: ${pod.ended}`}
                    {pod.node !== undefined && ` · ${pod.node}`}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  );
}
