/**
 * The rows of the list of canaries. Only those in view are drawn, and an element that scrolls out of view is filled
 * with the row that comes into view: a list of thousands scrolls as one of ten, also on a slow computer.
 */
import { computed, useSignal } from "@preact/signals";
import { Component } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { CanaryRow } from "../../src/console/types.ts";
import { ago, asSentence } from "../format.ts";
import { Badge, canaryPath, Link, now, signOf } from "../parts.tsx";

const ROW_HEIGHT = 44;
/** Rows drawn above and below what is in view, once scrolling rests or is slow: a wheel does not outrun them. */
const SPARE = 4;
const REST_MS = 120;
/** As in the style sheet: before the box is there to be measured. */
const SHARE_OF_WINDOW = 0.7;

const TICK_MS = 5000;
/** Grows every five seconds: each of a screen of rows says how long ago, and need not be asked each second. */
const tick = computed(() => Math.floor(now.value / TICK_MS) * TICK_MS);

export function Rows({ rows }: { rows: readonly CanaryRow[] }) {
  const box = useRef<HTMLElement>(null);
  const top = useSignal(0);
  const spare = useSignal(0);
  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const restSoon = () => {
    clearTimeout(rest.current);
    rest.current = setTimeout(() => {
      spare.value = SPARE;
    }, REST_MS);
  };
  const height = useSignal(Math.round(window.innerHeight * SHARE_OF_WINDOW));
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    const measured = new ResizeObserver(() => {
      height.value = current.clientHeight;
    });
    measured.observe(current);
    restSoon();
    return () => {
      measured.disconnect();
      clearTimeout(rest.current);
    };
  }, []);
  const inView = Math.ceil(height.value / ROW_HEIGHT) + 1;
  const places = inView + 2 * SPARE;
  const count = inView + 2 * spare.value;
  const first = Math.max(0, Math.min(top.value - spare.value, rows.length - count));
  const shown = rows.slice(first, first + count);
  const at = tick.value;
  return (
    <section
      class="scroll rows"
      ref={box}
      aria-label="Canaries"
      onScroll={(event) => {
        const to = Math.floor(event.currentTarget.scrollTop / ROW_HEIGHT);
        // A jump: the rows in view come first, the spare ones when the jumps are over.
        if (Math.abs(to - top.value) > SPARE) spare.value = 0;
        top.value = to;
        if (spare.value === 0) restSoon();
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
          <tr class="pad" key="above">
            <td height={first * ROW_HEIGHT} />
          </tr>
          {shown.map((row, index) => (
            // The key is a place and no canary, so that elements are filled anew and not made anew.
            <Row key={(first + index) % places} row={row} index={first + index + 2} since={ago(row.since, at)} />
          ))}
          <tr class="pad" key="below">
            <td height={Math.max(0, rows.length - first - shown.length) * ROW_HEIGHT} />
          </tr>
        </tbody>
      </table>
    </section>
  );
}

interface RowProps {
  readonly row: CanaryRow;
  readonly index: number;
  readonly since: string;
}

class Row extends Component<RowProps> {
  override shouldComponentUpdate({ row, index, since }: RowProps): boolean {
    return row !== this.props.row || index !== this.props.index || since !== this.props.since;
  }

  override render({ row, index, since }: RowProps) {
    const { name, namespace, what, weight, running, step, steps } = row;
    const to = canaryPath(row);
    const { sign, tone, text } = signOf(row);
    // A phone has room for "Waiting" and for the name of the canary.
    const words =
      text === "WaitingPromotion" ? (
        <>
          Waiting<span class="rest">Promotion</span>
        </>
      ) : (
        text
      );
    return (
      <tr aria-rowindex={index}>
        <th scope="row" title={`${namespace}/${name}`}>
          {/* A link that has the focus goes with its canary: it does not become the link of another. */}
          <Link key={to} to={to}>
            {name}
          </Link>{" "}
          <span class="dim">{namespace}</span>
        </th>
        <td>
          <Badge sign={sign} tone={tone} text={words} />
        </td>
        <td class="wide what" title={what}>
          {asSentence(what)}
        </td>
        <td>{weight} %</td>
        <td class="late">{running ? `${step}/${steps}` : "–"}</td>
        <td class="late">{since}</td>
      </tr>
    );
  }
}
