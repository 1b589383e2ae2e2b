/** One check over time: canary and primary on one axis, the limit as a line. A table holds the same numbers. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ChartView, CheckView } from "../../src/console/types.ts";
import { clock, number } from "../format.ts";

const HEIGHT = 182;
const LEFT = 46;
const BOTTOM = 20;
/** Room for the words of the marks: no line of the plot crosses them. */
const TOP = 20;
const MOST_ROWS = 30;

type Point = readonly [at: number, value: number];

export interface Mark {
  readonly at: number;
  readonly text: string;
}

/**
 * The charts of a record: values that were written down when they were measured. Prometheus may have forgotten them.
 */
export function recordedCharts(checks: readonly CheckView[]): readonly ChartView[] {
  const names = [...new Set(checks.map(({ check }) => check))];
  return names.flatMap((name): ChartView[] => {
    const own = checks.filter(({ check, value }) => check === name && value !== undefined);
    const of = (who: string) =>
      own.filter((check) => check.of === who).map(({ at, value = 0 }): Point => [Date.parse(at), value]);
    const { min, max } = own[0] ?? {};
    const limits = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
    const unit = own[0]?.source === "success-rate" ? "%" : own[0]?.source === "duration" ? "ms" : "";
    return own.length < 2 ? [] : [{ check: name, unit, ...limits, canary: of("canary"), primary: of("primary") }];
  });
}

/** Where the weight changed. */
export function marksOf(checks: readonly CheckView[]): readonly Mark[] {
  const marks: Mark[] = [];
  let last: number | undefined;
  for (const { at, weight } of checks) {
    if (weight !== last) marks.push({ at: Date.parse(at), text: `${weight} %` });
    last = weight;
  }
  return marks;
}

export function Charts({ charts, marks }: { charts: readonly ChartView[]; marks: readonly Mark[] }) {
  return (
    <div class="charts">
      {charts.map((chart) => (
        <Chart key={chart.check} chart={chart} marks={marks} />
      ))}
    </div>
  );
}

function Chart({ chart, marks }: { chart: ChartView; marks: readonly Mark[] }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(480);
  const pointed = useSignal<number | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      width.value = Math.max(220, element.clientWidth);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const all = [...chart.canary, ...chart.primary];
  if (all.length === 0) return <Nothing chart={chart} />;
  const scale = scaleOf(chart, all, width.value);
  const at = pointed.value;
  return (
    <figure class="chart">
      <figcaption>
        <b>{chart.check}</b> <Said chart={chart} at={at} />
      </figcaption>
      <div ref={box}>
        <svg
          width={width.value}
          height={HEIGHT}
          role="img"
          aria-label={summaryOf(chart)}
          onPointerMove={(event) => {
            const { left } = event.currentTarget.getBoundingClientRect();
            pointed.value = scale.timeAt(event.clientX - left);
          }}
          onPointerLeave={() => {
            pointed.value = undefined;
          }}
        >
          <Axes chart={chart} scale={scale} width={width.value} />
          <Marks marks={marks} scale={scale} />
          <path class="primary" d={pathOf(chart.primary, scale)} />
          <path class="canary" d={pathOf(chart.canary, scale)} />
          {chart.canary
            .filter(([, value]) => isBad(chart, value))
            .map((point) => (
              <circle key={point[0]} class="fail" cx={scale.x(point[0])} cy={scale.y(point[1])} r="3.5" />
            ))}
          {at !== undefined && <line class="cursor" x1={scale.x(at)} x2={scale.x(at)} y1={TOP} y2={HEIGHT - BOTTOM} />}
        </svg>
      </div>
      <Twin chart={chart} />
    </figure>
  );
}

const Nothing = ({ chart }: { chart: ChartView }) => (
  <figure class="chart">
    <figcaption>
      <b>{chart.check}</b>
    </figcaption>
    <p class="dim">No data in this time: the canary gets no requests between releases.</p>
  </figure>
);

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly low: number;
  readonly high: number;
  readonly right: number;
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  readonly timeAt: (x: number) => number;
}

function scaleOf({ min, max, unit }: ChartView, all: readonly Point[], width: number): Scale {
  const limits = [min, max].filter((limit): limit is number => limit !== undefined);
  const values = [...all.map(([, value]) => value), ...limits];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  // A rate has no more than 100 %, a duration no less than nothing.
  const low = unit === "ms" ? 0 : least - room;
  const high = unit === "%" ? Math.min(most + room, Math.max(100, most)) : most + room;
  const times = all.map(([at]) => at);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [wide, tall] = [width - LEFT - 8, HEIGHT - TOP - BOTTOM];
  return {
    ...{ from, to, low, high, right: width - 8 },
    x: (at) => LEFT + ((at - from) / (to - from || 1)) * wide,
    y: (value) => TOP + (1 - (value - low) / (high - low)) * tall,
    timeAt: (x) => Math.max(from, Math.min(to, from + ((x - LEFT) / wide) * (to - from))),
  };
}

/** A hole of more than three usual gaps is no line. */
function pathOf(points: readonly Point[], { x, y }: Scale): string {
  const gaps = points.slice(1).map(([at], index) => at - (points[index]?.[0] ?? at));
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  return points
    .map(([at, value], index) => {
      const isNew = index === 0 || (gaps[index - 1] ?? 0) > usual * 3;
      return `${isNew ? "M" : "L"}${x(at).toFixed(1)},${y(value).toFixed(1)}`;
    })
    .join("");
}

const isBad = ({ min, max }: ChartView, value: number): boolean =>
  (min !== undefined && value < min) || (max !== undefined && value > max);

function Axes({ chart, scale, width }: { chart: ChartView; scale: Scale; width: number }) {
  const bottom = HEIGHT - BOTTOM;
  const ticks = [scale.low, (scale.low + scale.high) / 2, scale.high];
  const limits = [chart.min, chart.max].filter((limit): limit is number => limit !== undefined);
  return (
    <>
      {ticks.map((value) => (
        <g key={value} class="axis">
          <line x1={LEFT} x2={width - 8} y1={scale.y(value)} y2={scale.y(value)} />
          <text x={LEFT - 5} y={scale.y(value) + 4} text-anchor="end">
            {short(value)}
          </text>
        </g>
      ))}
      <g class="axis">
        <text x={LEFT} y={bottom + 15}>
          {clock(scale.from)}
        </text>
        <text x={width - 8} y={bottom + 15} text-anchor="end">
          {clock(scale.to)}
        </text>
      </g>
      {limits.map((limit) => (
        <g key={limit} class="limit">
          <line x1={LEFT} x2={width - 8} y1={scale.y(limit)} y2={scale.y(limit)} />
          <text x={width - 10} y={scale.y(limit) - 4} text-anchor="end">
            limit {short(limit)}
          </text>
        </g>
      ))}
    </>
  );
}

/** Where the weight changed. A label that has no room is left out; the line stays. */
function Marks({ marks, scale }: { marks: readonly Mark[]; scale: Scale }) {
  const shown = marks.filter(({ at }) => at >= scale.from && at <= scale.to);
  return (
    <>
      {shown.map(({ at, text }, index) => {
        const next = shown[index + 1];
        const room = (next === undefined ? scale.right : scale.x(next.at)) - scale.x(at);
        return (
          <g key={at} class="mark">
            <line x1={scale.x(at)} x2={scale.x(at)} y1={TOP - 4} y2={HEIGHT - BOTTOM} />
            {room > 34 && (
              <text x={scale.x(at)} y={TOP - 7}>
                {text}
              </text>
            )}
          </g>
        );
      })}
    </>
  );
}

const short = (value: number): string =>
  value.toLocaleString([], {
    maximumSignificantDigits: 3,
    notation: Math.abs(value) >= 10_000 ? "compact" : "standard",
  });

const nearest = (points: readonly Point[], at: number | undefined): Point | undefined => {
  if (at === undefined) return points.at(-1);
  return points.reduce<Point | undefined>(
    (best, point) => (best === undefined || Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best),
    undefined,
  );
};

function Said({ chart, at }: { chart: ChartView; at: number | undefined }) {
  const text = (points: readonly Point[]) => {
    const point = nearest(points, at);
    return point === undefined ? "no data" : `${number(point[1])}${chart.unit === "" ? "" : ` ${chart.unit}`}`;
  };
  return (
    <span class="legend">
      <span>
        <span class="key canary" aria-hidden="true" /> canary {text(chart.canary)}
      </span>{" "}
      {chart.primary.length > 0 && (
        <span>
          <span class="key primary" aria-hidden="true" /> primary {text(chart.primary)}
        </span>
      )}
    </span>
  );
}

function summaryOf(chart: ChartView): string {
  const part = (name: string, points: readonly Point[]) => {
    if (points.length === 0) return `${name}: no data`;
    const values = points.map(([, value]) => value);
    return `${name}: from ${number(Math.min(...values))} to ${number(Math.max(...values))}, last ${number(values.at(-1) ?? 0)}`;
  };
  const bad = chart.canary.filter(([, value]) => isBad(chart, value)).length;
  const primary = chart.primary.length === 0 ? "" : ` ${part("primary", chart.primary)};`;
  return `${chart.check}. ${part("canary", chart.canary)};${primary} ${bad} values of the canary beyond the limit.`;
}

function Twin({ chart }: { chart: ChartView }) {
  const open = useSignal(false);
  return (
    <details
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>Numbers</summary>
      {open.value && <Numbers chart={chart} />}
    </details>
  );
}

function Numbers({ chart }: { chart: ChartView }) {
  const [canary, primary] = [new Map(chart.canary), new Map(chart.primary)];
  const times = [...new Set([...canary.keys(), ...primary.keys()])].sort((a, b) => b - a);
  return (
    <table class="twin">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Canary</th>
          <th scope="col">Primary</th>
        </tr>
      </thead>
      <tbody>
        {times.slice(0, MOST_ROWS).map((at) => (
          <tr key={at}>
            <th scope="row">{clock(at)}</th>
            <td>{canary.has(at) ? number(canary.get(at) ?? 0) : ""}</td>
            <td>{primary.has(at) ? number(primary.get(at) ?? 0) : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
