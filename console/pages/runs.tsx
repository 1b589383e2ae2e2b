/** Releases on record. */
import { useSignal } from "@preact/signals";
import type { RunRow } from "../../src/console/types.ts";
import { changes, query, setQuery } from "../api.ts";
import { asSentence, day, shortImage, took } from "../format.ts";
import { Empty, Link, Pending, Stale, State } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";

export const NoRecord = ({ records }: { records: boolean }) => (
  <p class="dim">
    {records
      ? "A release is recorded when the workload of a Canary changes: a new image, or another ConfigMap."
      : "This cluster keeps no records: the custom resource CanaryRun is not installed, or Flagger runs here. Events are all there is."}
  </p>
);

const addressOf = ({ namespace, id }: RunRow): string => `${namespace}/${id}`;

/** With two of them chosen, they can be compared. */
export function Runs({ rows }: { rows: readonly RunRow[] }) {
  const chosen = useSignal<readonly string[]>([]);
  const choose = (row: RunRow, on: boolean) => {
    const others = chosen.value.filter((each) => each !== addressOf(row));
    chosen.value = on ? [...others, addressOf(row)].slice(-2) : others;
  };
  const [a, b] = [...chosen.value].sort();
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Releases on record">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">
                <span class="sr">Compare</span>
              </th>
              <th scope="col">Release</th>
              <th scope="col">Verdict</th>
              <th scope="col" class="wide">
                Why
              </th>
              <th scope="col">Images</th>
              <th scope="col">Took</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={addressOf(row)}>
                <td data-name="Compare">
                  <input
                    type="checkbox"
                    aria-label={`compare ${row.id}`}
                    checked={chosen.value.includes(addressOf(row))}
                    onChange={(event) => choose(row, event.currentTarget.checked)}
                  />
                </td>
                <th scope="row">
                  <Link to={`/runs/${row.namespace}/${row.id}`}>
                    {row.canary} · {row.startedAt === "" ? row.id : day(row.startedAt)}
                  </Link>
                  <span class="dim small"> {row.namespace}</span>
                </th>
                <td>
                  <State phase={row.verdict} />
                </td>
                <td class="wide">
                  {row.sentence}
                  {row.by.length > 0 && <span class="dim"> · {row.by.join(", ")}</span>}
                </td>
                <td>
                  {Object.values(row.images).map((image) => (
                    <code key={image} title={image}>
                      {shortImage(image)}
                    </code>
                  ))}
                </td>
                <td data-name="Took">{took(row.startedAt, row.endedAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p class="dim small">
        {a !== undefined && b !== undefined ? (
          <Link to={`/compare?a=${a}&b=${b}`}>Compare the two chosen releases</Link>
        ) : (
          "Choose two releases to compare them."
        )}
      </p>
    </>
  );
}

interface Answer {
  readonly rows: RunRow[];
  readonly records: boolean;
  readonly hidden: number;
  readonly left: number;
  readonly trouble?: string;
}

export function RunsPage() {
  useTitle("Releases");
  const search = new URLSearchParams(query.value);
  const [verdict, text, by] = [search.get("verdict") ?? "", search.get("q") ?? "", search.get("by") ?? ""];
  const { value, problem, read } = useRead<Answer>("/runs", changes.value.count);
  if (value.value === undefined)
    return <Pending page="Releases" what="the releases" problem={problem.value} again={() => void read()} />;
  const { rows, records, hidden, left, trouble } = value.value;
  const verdicts = [...new Set(rows.map((row) => row.verdict))].sort();
  const people = [...new Set(rows.flatMap((row) => row.by))].sort();
  const wanted = text.toLowerCase();
  const shown = rows.filter(
    (row) =>
      (verdict === "" || row.verdict === verdict) &&
      (by === "" || row.by.includes(by)) &&
      `${row.namespace}/${row.canary} ${row.sentence} ${Object.values(row.images).join(" ")}`
        .toLowerCase()
        .includes(wanted),
  );
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <h1>Releases</h1>
      {rows.length === 0 ? (
        <Empty title="No release is on record">
          {trouble !== undefined ? <p>{asSentence(trouble)}</p> : <NoRecord records={records} />}
          {hidden > 0 && <p class="dim">{hidden} are hidden from you.</p>}
        </Empty>
      ) : (
        <>
          <form class="filters" onSubmit={(event) => event.preventDefault()}>
            <label>
              Search{" "}
              <input
                type="search"
                value={text}
                placeholder="canary, image or words"
                onInput={(event) => setQuery({ q: event.currentTarget.value })}
              />
            </label>
            <Choice name="Verdict" value={verdict} all={verdicts} choose={(to) => setQuery({ verdict: to })} />
            {people.length > 0 && <Choice name="By" value={by} all={people} choose={(to) => setQuery({ by: to })} />}
            <span class="dim" role="status">
              {shown.length} of {rows.length}
              {hidden > 0 && `, ${hidden} hidden from you`}
              {left > 0 && `, ${left} older ones are left out`}
            </span>
          </form>
          {shown.length === 0 ? (
            <Empty title="No release matches">
              <p>
                {rows.length === 1 ? "The only release is" : `All ${rows.length} releases are`} left out by the search.
              </p>
              <button type="button" onClick={() => setQuery({ q: "", verdict: "", by: "" })}>
                Show all
              </button>
            </Empty>
          ) : (
            <Runs rows={shown} />
          )}
        </>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly value: string;
  readonly all: readonly string[];
  readonly choose: (value: string) => void;
}

export const Choice = ({ name, value, all, choose }: ChoiceProps) => (
  <label>
    {name}{" "}
    <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">all</option>
      {all.map((each) => (
        <option key={each} value={each}>
          {each || "new"}
        </option>
      ))}
    </select>
  </label>
);
