/** What waits for a person: each release that stands before a gate, and the buttons that open it. */
import type { CanaryRow, CanaryView } from "../../src/console/types.ts";
import { keyOf, list, listed, listProblem, loadList } from "../api.ts";
import { asSentence } from "../format.ts";
import { Ago, CardHead, canaryPath, Empty, Pending } from "../parts.tsx";
import { NoCanaries } from "./now.tsx";
import { useRead, useTitle, useVersion } from "./reading.ts";
import { Verbs } from "./verbs.tsx";

export function GatesPage() {
  const rows = listed.value;
  const waiting = rows
    .filter(({ phase, paused }) => phase === "Waiting" || phase === "WaitingPromotion" || paused)
    .sort((a, b) => a.since - b.since);
  useTitle(waiting.length > 0 ? `${waiting.length} at gates` : "Gates");
  if (list.value === undefined)
    return <Pending page="Gates" what="the gates" problem={listProblem.value} again={() => void loadList()} />;
  if (rows.length === 0) return <NoCanaries page="Gates" />;
  return (
    <>
      <h1>Gates</h1>
      {waiting.length === 0 ? (
        <Empty title="No release waits for a person">
          <p>
            A release waits here when a webhook of type <code>confirm-rollout</code>,{" "}
            <code>confirm-traffic-increase</code> or <code>confirm-promotion</code> does not let it pass, and when a
            person has paused it.
          </p>
        </Empty>
      ) : (
        <ul class="cards gates">
          {waiting.map((row) => (
            <Gate key={canaryPath(row)} row={row} />
          ))}
        </ul>
      )}
    </>
  );
}

const VERBS = ["approve", "refuse", "resume"];

function Gate({ row }: { row: CanaryRow }) {
  const { value, problem, read } = useRead<CanaryView>(canaryPath(row), useVersion(keyOf(row)));
  const view = value.value;
  return (
    <li class="card">
      <CardHead row={row} />
      <p>{asSentence(row.what)}</p>
      <p class="dim small">
        {row.weight} % to the canary · waits for <Ago since={row.since} />
      </p>
      {problem.value !== undefined && <p class="dim">{problem.value.message}</p>}
      {view !== undefined && <Verbs view={view} only={VERBS} done={() => void read()} />}
    </li>
  );
}
