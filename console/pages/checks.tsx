/** Whether the installation can work: what the operator needs, and what each Canary refers to. */
import type { FindingView } from "../../src/console/types.ts";
import { Pending, Stale } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";

const SIGNS: Readonly<Record<FindingView["verdict"], readonly [sign: string, tone: string]>> = {
  error: ["✕", "bad"],
  warning: ["!", "wait"],
  ok: ["✓", "good"],
};

export function ChecksPage() {
  useTitle("Checks");
  const { value, problem, read } = useRead<{ findings: FindingView[] }>("/checks", "");
  if (value.value === undefined)
    return <Pending page="Checks" what="the installation" problem={problem.value} again={() => void read()} />;
  const { findings } = value.value;
  const of = (verdict: FindingView["verdict"]) => findings.filter((finding) => finding.verdict === verdict);
  const bad = [...of("error"), ...of("warning")];
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <h1>Checks</h1>
      <p class="sentence">
        {bad.length === 0
          ? "Everything that Aviary needs is there."
          : `${counted(of("error").length, "error")}, ${counted(of("warning").length, "warning")}.`}
      </p>
      <div class="verbs">
        <button type="button" onClick={() => void read()}>
          Look again
        </button>
        <span class="dim">
          The same as <code>aviary check</code>.
        </span>
      </div>
      {bad.length > 0 && (
        <section aria-labelledby="to-mend">
          <h2 id="to-mend">To mend</h2>
          <Findings findings={bad} />
        </section>
      )}
      {of("ok").length > 0 && (
        <section aria-labelledby="in-order">
          <h2 id="in-order">In order</h2>
          <Findings findings={of("ok")} />
        </section>
      )}
    </>
  );
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function Findings({ findings }: { findings: readonly FindingView[] }) {
  return (
    <ul class="events">
      {findings.map(({ verdict, what, cure }, index) => (
        <li key={index}>
          <span class={`state ${SIGNS[verdict][1]}`}>
            <span aria-hidden="true">{SIGNS[verdict][0]}</span> {verdict}
          </span>{" "}
          {what}
          {cure !== undefined && <span class="dim">: {cure}</span>}
        </li>
      ))}
    </ul>
  );
}
