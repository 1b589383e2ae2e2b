/** Two releases side by side: what was released, how it was judged, and what the checks measured at the same step. */
import type { RunView } from "../../src/console/types.ts";
import { query } from "../api.ts";
import { day, number, took } from "../format.ts";
import { Empty, Link, Loading, State, Trouble } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";

export function ComparePage() {
  useTitle("Compare");
  const search = new URLSearchParams(query.value);
  const [a, b] = [search.get("a") ?? "", search.get("b") ?? ""];
  const isNamed = /^[^/]+\/[^/]+$/.test(a) && /^[^/]+\/[^/]+$/.test(b);
  if (!isNamed)
    return (
      <Empty page="Compare" title="Choose two releases">
        <p>
          On <Link to="/runs">Releases</Link>, choose two of them, then compare.
        </p>
      </Empty>
    );
  return <Both key={`${a} ${b}`} a={a} b={b} />;
}

function Both({ a, b }: { a: string; b: string }) {
  const [one, other] = [useRead<RunView>(`/runs/${a}`, ""), useRead<RunView>(`/runs/${b}`, "")];
  const problem = one.problem.value ?? other.problem.value;
  if (problem !== undefined) return <Trouble page="Compare" problem={problem} />;
  const [left, right] = [one.value.value, other.value.value];
  if (left === undefined || right === undefined) return <Loading page="Compare" what="both releases" />;
  return (
    <>
      <h1>Compare</h1>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Two releases">
        <table class="compare">
          <thead>
            <tr>
              <td />
              {[left, right].map((run, index) => (
                <th scope="col" class="wide" key={index}>
                  <Link to={`/runs/${run.namespace}/${run.id}`}>
                    {run.canary} · {run.startedAt === "" ? run.id : day(run.startedAt)}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">Verdict</th>
              <td>
                <State phase={left.verdict} />
              </td>
              <td>
                <State phase={right.verdict} />
              </td>
            </tr>
            {factsOf(left, right).map(({ name, values: [x, y] }) => (
              <tr key={name} class={x === y ? "" : "differs"}>
                <th scope="row">{name}</th>
                <td class="wide">{x}</td>
                <td class="wide">
                  {y}
                  {x !== y && <span class="sr"> (differs)</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <h2>Checks, step by step</h2>
      <Steps left={left} right={right} />
    </>
  );
}

interface Fact {
  readonly name: string;
  readonly values: readonly [string, string];
}

function factsOf(left: RunView, right: RunView): readonly Fact[] {
  const fact = (name: string, read: (run: RunView) => string): Fact => ({ name, values: [read(left), read(right)] });
  const containers = [...new Set([...Object.keys(left.images), ...Object.keys(right.images)])].sort();
  return [
    fact("Why", ({ sentence }) => sentence),
    ...containers.map((name) => fact(`Image of ${name}`, ({ images }) => images[name] ?? "none")),
    fact("Changed configuration", ({ changedConfigs }) => changedConfigs.join(", ") || "none"),
    fact("Strategy", ({ strategy }) => strategy),
    fact("Steps", ({ steps }) => steps.map(({ weight, mirror }) => (mirror ? "mirror" : `${weight}`)).join(", ")),
    fact("Failed checks that roll back", ({ threshold }) => String(threshold)),
    fact("Took", ({ startedAt, endedAt }) => took(startedAt, endedAt)),
    fact("Requests that met it", ({ requests }) =>
      requests?.canary === undefined ? "not counted" : number(requests.canary),
    ),
    fact("People", ({ by }) => by.join(", ") || "none"),
  ];
}

/** The range of values that each release measured at the same step. */
function Steps({ left, right }: { left: RunView; right: RunView }) {
  const keys = new Map<string, { step: number; check: string; of: string }>();
  for (const { step, check, of } of [...left.checks, ...right.checks]) {
    keys.set(`${String(step).padStart(5, "0")} ${check} ${of}`, { step, check, of });
  }
  const rows = [...keys].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, row]) => row);
  if (rows.length === 0) return <p class="dim">Neither record holds a check.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label="Checks of both releases">
      <table class="compare steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Check</th>
            <th scope="col">{day(left.startedAt)}</th>
            <th scope="col">{day(right.startedAt)}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, check, of }) => (
            <tr key={`${step} ${check} ${of}`}>
              <td>{step}</td>
              <th scope="row">
                {check}
                {of === "primary" && <span class="dim"> of the primary</span>}
              </th>
              <Measured run={left} step={step} check={check} of={of} />
              <Measured run={right} step={step} check={check} of={of} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface MeasuredProps {
  readonly run: RunView;
  readonly step: number;
  readonly check: string;
  readonly of: string;
}

function Measured({ run, step, check, of }: MeasuredProps) {
  const own = run.checks.filter((one) => one.step === step && one.check === check && one.of === of);
  if (own.length === 0) return <td class="dim">not asked</td>;
  const values = own.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const failed = own.filter(({ passed }) => !passed).length;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = values.length === 0 ? "no value" : low === high ? number(low) : `${number(low)} to ${number(high)}`;
  return (
    <td class={failed > 0 ? "fail" : "pass"}>
      <span aria-hidden="true">{failed > 0 ? "✕" : "✓"}</span> {range}
      <span class="dim">
        {" "}
        {failed > 0 ? `${failed} of ${own.length} failed` : own.length === 1 ? "passed" : `${own.length} passed`}
      </span>
    </td>
  );
}
