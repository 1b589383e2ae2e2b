/** The rows of the list of canaries. */
import { computed } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { CanaryRow } from "../../src/console/types.ts";
import { go, href } from "../api.ts";
import { type Line, RowPool } from "../drawing/row-pool.ts";
import { ago, asSentence } from "../format.ts";
import { canaryPath, now, opensHere, signOf } from "../parts.tsx";

const TICK_MS = 5000;
/** Grows every five seconds: each of a screen of rows says how long ago, and need not be asked each second. */
const tick = computed(() => Math.floor(now.value / TICK_MS) * TICK_MS);

const COLUMNS = ["Canary", "Phase", "What it does", "Traffic", "Step", "Since"] as const;

export function Rows({ rows }: { rows: readonly CanaryRow[] }) {
  const box = useRef<HTMLElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const pool = useRef<RowPool<CanaryRow> | undefined>(undefined);
  const shown = useRef(rows);
  shown.current = rows;
  useLayoutEffect(() => {
    if (box.current === null || body.current === null) return;
    pool.current = new RowPool(box.current, body.current, createLine);
    const forget = tick.subscribe(() => pool.current?.show(shown.current, true));
    return () => {
      forget();
      pool.current?.stop();
    };
  }, []);
  useLayoutEffect(() => pool.current?.show(rows), [rows]);
  return (
    <section class="scroll rows" ref={box} aria-label="Canaries">
      {/* Rows that are laid out one by one are no table to a browser: the roles say that they are. */}
      <table {...roleOf("table")} aria-rowcount={rows.length + 1}>
        <thead {...roleOf("rowgroup")}>
          <tr {...roleOf("row")} aria-rowindex={1}>
            {COLUMNS.map((name) => (
              <th key={name} {...roleOf("columnheader")} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...roleOf("rowgroup")} ref={body} />
      </table>
    </section>
  );
}

const roleOf = (role: "table" | "rowgroup" | "row" | "columnheader") => ({ role });

/** Sets what differs: a browser lays out again also what is set to what it was. */
function say(text: Text, words: string): void {
  if (text.data !== words) text.data = words;
}

function cell(line: HTMLElement, role: "cell" | "rowheader"): HTMLElement {
  const made = document.createElement(role === "cell" ? "td" : "th");
  made.setAttribute("role", role);
  return line.appendChild(made);
}

const textIn = (element: HTMLElement): Text => element.appendChild(document.createTextNode(""));

function part(element: HTMLElement, name: "a" | "span", className = ""): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  return element.appendChild(made);
}

function createLine(): Line<CanaryRow> {
  const element = document.createElement("tr");
  element.setAttribute("role", "row");
  const head = cell(element, "rowheader");
  const link = part(head, "a") as HTMLAnchorElement;
  head.append(" ");
  const [name, namespace] = [textIn(link), textIn(part(head, "span", "dim"))];
  const badge = part(cell(element, "cell"), "span", "state");
  const mark = part(badge, "span");
  mark.setAttribute("aria-hidden", "true");
  badge.append(" ");
  // A phone has room for "Waiting" and for the name of the canary.
  const [sign, phase, rest] = [textIn(mark), textIn(badge), textIn(part(badge, "span", "rest"))];
  const sentence = cell(element, "cell");
  const what = textIn(sentence);
  const [traffic, step, since] = [0, 0, 0].map(() => textIn(cell(element, "cell"))) as [Text, Text, Text];
  let to = "";
  link.addEventListener("click", (event) => {
    if (!opensHere(event)) return;
    event.preventDefault();
    go(to);
  });
  const point = (row: CanaryRow) => {
    to = canaryPath(row);
    // A link that has the focus does not become the link of another canary.
    if (document.activeElement === link) link.blur();
    link.href = href(to);
    head.title = `${row.namespace}/${row.name}`;
    say(name, row.name);
    say(namespace, row.namespace);
  };
  const fill = (row: CanaryRow) => {
    if (to !== canaryPath(row)) point(row);
    const { sign: drawn, tone, text } = signOf(row);
    if (badge.className !== `state ${tone}`) badge.className = `state ${tone}`;
    say(sign, drawn);
    const isLong = text === "WaitingPromotion";
    say(phase, isLong ? "Waiting" : text);
    say(rest, isLong ? "Promotion" : "");
    if (sentence.title !== row.what) sentence.title = row.what;
    say(what, asSentence(row.what));
    say(traffic, `${row.weight} %`);
    say(step, row.running ? `${row.step}/${row.steps}` : "–");
    say(since, ago(row.since, tick.peek()));
  };
  return { element, fill };
}
