/** The list of all canaries. Only the rows in view are drawn. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { CanaryRow } from "../../src/console/types.ts";
import { type List, list, listProblem, loadList, query, setQuery } from "../api.ts";
import { Ago, CanaryState, canaryPath, Empty, Link, Pending, Stale } from "../parts.tsx";
import { NoCanaries } from "./now.tsx";
import { useTitle } from "./reading.ts";
import { Choice } from "./runs.tsx";

const ROW_HEIGHT = 44;

const OVERSCAN = 8;

/** Sorted and searched once for each change, not for each frame of scrolling. */
let kept: {
  readonly of: List["rows"];
  readonly sorted: readonly CanaryRow[];
  readonly words: readonly string[];
  readonly phases: readonly string[];
};

function matching(of: List["rows"], text: string, phase: string) {
  if (kept?.of !== of) {
    const sorted = [...of.values()]
      .map((row) => ({ row, key: `${row.namespace}/${row.name}` }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ row }) => row);
    kept = {
      of,
      sorted,
      words: sorted.map(({ namespace, name, what }) => `${namespace}/${name} ${what}`.toLowerCase()),
      phases: [...new Set(sorted.map((row) => row.phase))].sort(),
    };
  }
  const { sorted, words, phases } = kept;
  const wanted = text.toLowerCase();
  const rows =
    wanted === "" && phase === ""
      ? sorted
      : sorted.filter(
          (row, index) => (phase === "" || row.phase === phase) && (words[index] as string).includes(wanted),
        );
  return { rows, phases, total: sorted.length };
}

export function CanariesPage() {
  useTitle("Canaries");
  const search = new URLSearchParams(query.value);
  const [text, phase] = [search.get("q") ?? "", search.get("phase") ?? ""];
  const top = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  if (list.value === undefined)
    return <Pending what="the canaries" problem={listProblem.value} again={() => void loadList()} />;
  const { rows, phases, total } = matching(list.value.rows, text, phase);
  if (total === 0) return <NoCanaries />;
  // Only the rows in view are drawn: a list of thousands scrolls as one of ten.
  const first = Math.max(0, Math.floor(top.value / ROW_HEIGHT) - OVERSCAN);
  const shown = rows.slice(first, first + Math.ceil(600 / ROW_HEIGHT) + 2 * OVERSCAN);
  return (
    <>
      <Stale problem={listProblem.value} again={() => void loadList()} />
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
        <Choice name="Phase" value={phase} all={phases} choose={(to) => setQuery({ phase: to })} />
        <span class="dim" role="status">
          {rows.length} of {total}
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
                <th scope="col" class="late">
                  Step
                </th>
                <th scope="col" class="late">
                  Since
                </th>
              </tr>
            </thead>
            <tbody>
              <tr class="pad">
                <td height={first * ROW_HEIGHT} />
              </tr>
              {shown.map((row, index) => (
                <tr key={canaryPath(row)} aria-rowindex={first + index + 2}>
                  <th scope="row">
                    <Link to={canaryPath(row)}>{row.name}</Link> <span class="dim">{row.namespace}</span>
                  </th>
                  <td>
                    <CanaryState row={row} />
                  </td>
                  <td class="wide what" title={row.what}>
                    {row.what}
                  </td>
                  <td>{row.weight} %</td>
                  <td class="late">{row.running ? `${row.step}/${row.steps}` : "–"}</td>
                  <td class="late">
                    <Ago since={row.since} />
                  </td>
                </tr>
              ))}
              <tr class="pad">
                <td height={Math.max(0, rows.length - first - shown.length) * ROW_HEIGHT} />
              </tr>
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}
