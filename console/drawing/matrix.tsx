/** Checks in rows, looks in columns, grouped by step: what passed, what failed, and by how much. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CheckView } from "../../src/console/types.ts";
import { clock, number } from "../format.ts";

const MOST_LOOKS = 40;

const limitText = ({ min, max }: Pick<CheckView, "min" | "max">): string =>
  [min === undefined ? "" : `≥ ${number(min)}`, max === undefined ? "" : `≤ ${number(max)}`]
    .filter(Boolean)
    .join(" and ");

interface Row {
  readonly name: string;
  readonly of: string;
  readonly limit: string;
  readonly cells: ReadonlyMap<string, CheckView>;
}

function rowsOf(checks: readonly CheckView[]): readonly Row[] {
  const found = new Map<string, CheckView[]>();
  for (const check of checks) {
    const key = `${check.check}\n${check.of}`;
    found.set(key, [...(found.get(key) ?? []), check]);
  }
  return [...found.values()].map((own) => ({
    name: own[0]?.check ?? "",
    of: own[0]?.of ?? "",
    limit: own[0] === undefined ? "" : limitText(own[0]),
    cells: new Map(own.map((check) => [check.at, check])),
  }));
}

interface Group {
  readonly step: number;
  readonly weight: number;
  readonly looks: readonly string[];
}

function groupsOf(checks: readonly CheckView[]): readonly Group[] {
  const looks = [...new Set(checks.map(({ at }) => at))].sort().slice(-MOST_LOOKS);
  const groups: { step: number; weight: number; looks: string[] }[] = [];
  for (const at of looks) {
    const { step = 0, weight = 0 } = checks.find((check) => check.at === at) ?? {};
    const last = groups.at(-1);
    if (last !== undefined && last.step === step && last.weight === weight) last.looks.push(at);
    else groups.push({ step, weight, looks: [at] });
  }
  return groups;
}

export function Matrix({ checks }: { checks: readonly CheckView[] }) {
  const chosen = useSignal<{ readonly row: number; readonly column: number } | undefined>(undefined);
  const box = useRef<HTMLElement>(null);
  // The newest look is what matters: it is at the right end.
  useEffect(() => {
    if (box.current !== null) box.current.scrollLeft = box.current.scrollWidth;
  }, [checks.length]);
  const rows = rowsOf(checks);
  if (rows.length === 0) return <p class="dim">No check has been recorded yet.</p>;
  const groups = groupsOf(checks);
  const looks = groups.flatMap((group) => group.looks);
  const at = chosen.value ?? { row: 0, column: looks.length - 1 };
  const shown = chosen.value === undefined ? undefined : rows[at.row]?.cells.get(looks[at.column] ?? "");
  const move = (event: KeyboardEvent) => {
    const [down, right] = MOVES[event.key] ?? [0, 0];
    if (down === 0 && right === 0) return;
    event.preventDefault();
    const row = Math.max(0, Math.min(rows.length - 1, at.row + down));
    const column = Math.max(0, Math.min(looks.length - 1, at.column + right));
    chosen.value = { row, column };
    const table = (event.currentTarget as HTMLElement).closest("table");
    table?.querySelector<HTMLElement>(`[data-cell="${row} ${column}"]`)?.focus();
  };
  const all = new Set(checks.map((check) => check.at)).size;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section class="scroll" ref={box} tabIndex={0} aria-label="Checks of this release">
        <table class="matrix">
          <caption class="sr">Each column is one look at the metrics, under the step at that time.</caption>
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                Check
              </th>
              <th scope="col" rowSpan={2}>
                Limit
              </th>
              {groups.map(({ step, weight, looks: own }) => (
                <th scope="colgroup" colSpan={own.length} key={own[0]} class="step">
                  <span class="stays">
                    {step === 0 ? "before" : `step ${step}`}
                    <span class="dim"> · {weight} %</span>
                  </span>
                </th>
              ))}
            </tr>
            <tr>
              {groups.flatMap(({ looks: own }) =>
                own.map((look, index) => (
                  <th scope="col" key={look} class={index === 0 ? "time first" : "time"}>
                    {clock(look)}
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, rowIndex) => (
              <tr key={`${row.name} ${row.of}`}>
                <th scope="row">
                  {row.name}
                  {row.of === "primary" && <span class="dim"> of the primary</span>}
                </th>
                <td class="dim">{row.limit}</td>
                {looks.map((look, column) => (
                  <Cell
                    key={look}
                    cell={row.cells.get(look)}
                    id={`${rowIndex} ${column}`}
                    isChosen={at.row === rowIndex && at.column === column}
                    choose={() => {
                      chosen.value = { row: rowIndex, column };
                    }}
                    move={move}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {all > looks.length && (
        <p class="dim small">
          The last {looks.length} of {all} looks are shown.
        </p>
      )}
      <div aria-live="polite">{shown !== undefined && <Detail check={shown} />}</div>
    </>
  );
}

const MOVES: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

interface CellProps {
  readonly cell: CheckView | undefined;
  readonly id: string;
  readonly isChosen: boolean;
  readonly choose: () => void;
  readonly move: (event: KeyboardEvent) => void;
}

function Cell({ cell, id, isChosen, choose, move }: CellProps) {
  if (cell === undefined) return <td class="none">{isChosen && <span class="sr">not asked</span>}</td>;
  const tone = cell.passed ? "pass" : "fail";
  return (
    <td class={`${tone}${cell.forTheRecord === true ? " record" : ""}`}>
      <button type="button" class="cell" data-cell={id} tabIndex={isChosen ? 0 : -1} onClick={choose} onKeyDown={move}>
        <span aria-hidden="true">{cell.passed ? "✓" : "✕"}</span>
        <span class="sr">{cell.passed ? "passed" : "failed"}</span> {cell.value === undefined ? "" : number(cell.value)}
      </button>
    </td>
  );
}

function Detail({ check }: { check: CheckView }) {
  const value = check.value === undefined ? "no value" : number(check.value);
  return (
    <p class="detail">
      <b>{check.check}</b> at {clock(check.at)}, step {check.step} ({check.weight} %), of the {check.of}:{" "}
      <b class={check.passed ? "good" : "bad"}>
        {value} {check.passed ? "passed" : "failed"}
      </b>
      {limitText(check) !== "" && `, limit ${limitText(check)}`}
      {check.requests !== undefined && `, of ${number(check.requests)} requests`}
      {check.forTheRecord === true && ". Only for the record: another check of this look had failed already"}
      {check.detail !== undefined && `. ${check.detail}`}
    </p>
  );
}
