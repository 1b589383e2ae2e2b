/** The list of all canaries. Only the rows in view are drawn. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { list, listProblem, loadList, query, setQuery } from "../api.ts";
import { ago } from "../format.ts";
import { canaryPath, Empty, Link, Loading, now, State, Trouble } from "../parts.tsx";
import { NoCanaries } from "./now.tsx";
import { useTitle } from "./reading.ts";

const ROW_HEIGHT = 44;

const OVERSCAN = 8;

export function CanariesPage() {
  useTitle("Canaries");
  const search = new URLSearchParams(query.value);
  const [text, phase] = [search.get("q") ?? "", search.get("phase") ?? ""];
  const top = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  if (listProblem.value !== undefined && list.value === undefined)
    return <Trouble problem={listProblem.value} again={() => void loadList()} />;
  if (list.value === undefined) return <Loading what="the canaries" />;
  const all = [...list.value.rows.values()];
  if (all.length === 0) return <NoCanaries />;
  const wanted = text.toLowerCase();
  const rows = all
    .filter(
      (row) =>
        (phase === "" || row.phase === phase) &&
        `${row.namespace}/${row.name} ${row.what}`.toLowerCase().includes(wanted),
    )
    .sort((a, b) => (canaryPath(a) < canaryPath(b) ? -1 : 1));
  const phases = [...new Set(all.map((row) => row.phase))].sort();
  // Only the rows in view are drawn: a list of thousands scrolls as one of ten.
  const first = Math.max(0, Math.floor(top.value / ROW_HEIGHT) - OVERSCAN);
  const shown = rows.slice(first, first + Math.ceil(600 / ROW_HEIGHT) + 2 * OVERSCAN);
  return (
    <>
      <h1>Canaries</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Search{" "}
          <input
            type="search"
            value={text}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
            placeholder="name, namespace or words"
          />
        </label>
        <label>
          Phase{" "}
          <select value={phase} onChange={(event) => setQuery({ phase: event.currentTarget.value })}>
            <option value="">all</option>
            {phases.map((each) => (
              <option key={each} value={each}>
                {each || "new"}
              </option>
            ))}
          </select>
        </label>
        <span class="dim" role="status">
          {rows.length} of {all.length}
          {list.value.hidden > 0 && `, ${list.value.hidden} hidden from you`}
        </span>
      </form>
      {rows.length === 0 ? (
        <Empty title="No canary matches" />
      ) : (
        <section
          class="scroll rows"
          ref={box}
          aria-label="Canaries"
          onScroll={(event) => {
            top.value = event.currentTarget.scrollTop;
          }}
        >
          <table aria-rowcount={rows.length + 1}>
            <thead>
              <tr aria-rowindex={1}>
                <th scope="col">Canary</th>
                <th scope="col">Phase</th>
                <th scope="col" class="wide">
                  What it does
                </th>
                <th scope="col">Traffic</th>
                <th scope="col">Step</th>
                <th scope="col">Since</th>
              </tr>
            </thead>
            <tbody>
              <tr class="pad">
                <td colSpan={6} height={first * ROW_HEIGHT} />
              </tr>
              {shown.map((row, index) => (
                <tr key={canaryPath(row)} aria-rowindex={first + index + 2}>
                  <th scope="row">
                    <Link to={canaryPath(row)}>{row.name}</Link> <span class="dim">{row.namespace}</span>
                  </th>
                  <td>
                    <State phase={row.phase} paused={row.paused} />
                  </td>
                  <td class="wide what" title={row.what}>
                    {row.what}
                  </td>
                  <td>{row.weight} %</td>
                  <td>{row.running ? `${row.step}/${row.steps}` : "–"}</td>
                  <td>{ago(row.since, now.value)}</td>
                </tr>
              ))}
              <tr class="pad">
                <td colSpan={6} height={Math.max(0, rows.length - first - shown.length) * ROW_HEIGHT} />
              </tr>
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
