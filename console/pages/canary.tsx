/** One canary: what it does, its steps, checks, pods, releases and events. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { CanaryView, CopyView } from "../../src/console/types.ts";
import { changes } from "../api.ts";
import { clock, shortImage } from "../format.ts";
import { Loading, now, Rail, Split, State, Trouble } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";
import { Checks, NoRecord, Runs } from "./runs.tsx";
import { Verbs } from "./verbs.tsx";

export function CanaryPage({ namespace, name }: { namespace: string; name: string }) {
  const key = `${namespace}/${name}`;
  const version = useSignal(0);
  useEffect(
    () =>
      changes.subscribe(({ key: changed }) => {
        if (changed === key) version.value += 1;
      }),
    [key],
  );
  const { value, problem, read } = useRead<CanaryView>(`/canaries/${key}`, version.value);
  const view = value.value;
  useTitle(
    view === undefined
      ? key
      : view.running
        ? `${view.weight} % ${name}.${namespace}`
        : `${view.phase} ${name}.${namespace}`,
  );
  if (view === undefined)
    return problem.value === undefined ? (
      <Loading what={key} />
    ) : (
      <Trouble problem={problem.value} again={() => void read()} />
    );
  return (
    <>
      {problem.value !== undefined && (
        <p class="notice bad" role="alert">
          {problem.value.message} What you see is older.
        </p>
      )}
      <header class="canary">
        <h1>
          {view.name} <span class="dim">{view.namespace}</span>
        </h1>
        <State phase={view.phase} paused={view.paused} />
      </header>
      <p class="sentence">{view.run?.sentence && !view.running ? view.run.sentence : view.what}</p>
      <Split weight={view.weight} label={view.name} />
      {view.plan.length > 0 && <Rail steps={view.plan} step={view.step} running={view.running} />}
      <p class="dim" role="status">
        {view.judgedAt !== undefined &&
          view.judgedAt > now.value &&
          `next check in ${Math.ceil((view.judgedAt - now.value) / 1000)} s · `}
        {view.running && `${view.failedChecks} of ${view.threshold} failed checks · `}
        {view.strategy} on {view.provider} · a step lasts {view.intervalMs / 1000} s
      </p>
      {view.warnings.map((warning) => (
        <p class="notice" key={warning}>
          {warning}
        </p>
      ))}
      <Verbs view={view} done={() => void read()} />
      <section aria-labelledby="checks">
        <h2 id="checks">{view.running || view.run === undefined ? "Checks" : "Checks of the last release"}</h2>
        {view.run === undefined || (view.running && view.run.verdict !== "running") ? (
          <NoRecord records={view.records} />
        ) : (
          <Checks run={view.run} />
        )}
      </section>
      <section class="two" aria-label="Pods">
        <Pods title="Canary" copy={view.canary} />
        <Pods title="Primary" copy={view.primary} />
      </section>
      <section aria-labelledby="runs">
        <h2 id="runs">Releases</h2>
        {view.runs.length === 0 ? <p class="dim">No release is on record yet.</p> : <Runs rows={view.runs} />}
      </section>
      <section aria-labelledby="events">
        <h2 id="events">Events</h2>
        {view.events.length === 0 ? (
          <p class="dim">No event is left. Kubernetes keeps events for one hour.</p>
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
    </>
  );
}

function Pods({ title, copy }: { title: string; copy: CopyView | undefined }) {
  return (
    <div>
      <h2>{title}</h2>
      {copy === undefined ? (
        <p class="dim">There is no such workload.</p>
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
                    {pod.restarts > 0 && `, ${pod.restarts} restarts`}
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
