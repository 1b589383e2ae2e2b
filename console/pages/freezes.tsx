/** Times in which no release begins: who set them, until when, and how they end. */
import { useSignal } from "@preact/signals";
import type { FreezeView } from "../../src/console/types.ts";
import { post, refusedOf } from "../api.ts";
import { day } from "../format.ts";
import { Empty, now, Outcome, Pending, type Said, Stale } from "../parts.tsx";
import { useRead, useTitle } from "./reading.ts";

interface Answer {
  readonly rows: FreezeView[];
  readonly installed: boolean;
  readonly namespaces: string[];
  readonly steeringOff?: string;
}

export function FreezesPage() {
  useTitle("Freezes");
  const { value, problem, read } = useRead<Answer>("/freezes", "");
  const said = useSignal<Said | undefined>(undefined);
  if (value.value === undefined)
    return <Pending page="Freezes" what="the freezes" problem={problem.value} again={() => void read()} />;
  const { rows, installed, namespaces, steeringOff } = value.value;
  const send = async (address: string, body: unknown, text: string) => {
    said.value = await post(address, body).then(
      () => ({ ok: true, text }),
      (error: unknown) => ({ ok: false, text: refusedOf(error).message }),
    );
    await read();
  };
  const thaw = (row: FreezeView) =>
    send(`/freezes/${row.namespace}/${row.name}/thaw`, {}, `${row.name} of ${row.namespace} has ended.`);
  return (
    <>
      <Stale problem={problem.value} again={() => void read()} />
      <h1>Freezes</h1>
      <Outcome said={said.value} />
      {!installed ? (
        <Empty title="This cluster knows no freezes">
          <p>
            The custom resource <code>canaryfreezes.aviary.flagger.app</code> is not installed.{" "}
            <code>aviary apply deploy/crds</code> installs it.
          </p>
        </Empty>
      ) : rows.length === 0 ? (
        <Empty title="Nothing is frozen">
          <p>Releases begin whenever a workload changes. A freeze holds them back, for a sale or a holiday.</p>
        </Empty>
      ) : (
        <Table rows={rows} thaw={(row) => void thaw(row)} isOff={steeringOff !== undefined} />
      )}
      {steeringOff !== undefined && <p class="notice">{steeringOff}</p>}
      {installed && steeringOff === undefined && namespaces.length > 0 && (
        <NewFreeze
          namespaces={namespaces}
          create={(namespace, body) => void send(`/freezes/${namespace}`, body, `${namespace} is frozen.`)}
        />
      )}
    </>
  );
}

const STATES: Readonly<Record<FreezeView["state"], readonly [string, string]>> = {
  active: ["❄ active", "busy"],
  later: ["later", "quiet"],
  over: ["over", "quiet"],
};

interface TableProps {
  readonly rows: readonly FreezeView[];
  readonly thaw: (row: FreezeView) => void;
  readonly isOff: boolean;
}

function Table({ rows, thaw, isOff }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label="Freezes">
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">Where</th>
            <th scope="col">State</th>
            <th scope="col">Until</th>
            <th scope="col" class="wide">
              Why
            </th>
            <th scope="col">Releases under way</th>
            <th scope="col">
              <span class="sr">End it</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.namespace}/${row.name}`}>
              <th scope="row">
                {row.namespace}
                <span class="dim"> {row.canaries.length === 0 ? "all canaries" : row.canaries.join(", ")}</span>
              </th>
              <td>
                <span class={`state ${STATES[row.state][1]}`}>{STATES[row.state][0]}</span>
              </td>
              <td data-name="Until">{row.until === undefined ? "a person ends it" : day(row.until)}</td>
              <td class="wide">
                {row.reason || <span class="dim">no reason given</span>} <span class="dim">· {row.by}</span>
              </td>
              <td data-name="Releases under way">
                {row.runs === "hold" ? "stay where they are" : "go on to their end"}
              </td>
              <td>
                {!isOff && (
                  <button type="button" onClick={() => thaw(row)} aria-label={`Thaw ${row.namespace} ${row.name}`}>
                    Thaw
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface NewFreezeProps {
  readonly namespaces: readonly string[];
  readonly create: (namespace: string, body: Readonly<Record<string, unknown>>) => void;
}

function NewFreeze({ namespaces, create }: NewFreezeProps) {
  const namespace = useSignal(namespaces[0] ?? "");
  const hours = useSignal("24");
  const reason = useSignal("");
  const hold = useSignal(false);
  return (
    <section aria-labelledby="new-freeze">
      <h2 id="new-freeze">Freeze a namespace</h2>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const until = new Date(now.peek() + Number(hours.value) * 3_600_000).toISOString();
          create(namespace.value, { until, reason: reason.value, runs: hold.value ? "hold" : "finish" });
        }}
      >
        <label>
          Namespace{" "}
          <select
            value={namespace.value}
            onChange={(event) => {
              namespace.value = event.currentTarget.value;
            }}
          >
            {namespaces.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Hours{" "}
          <input
            type="number"
            min="1"
            max="2000"
            value={hours.value}
            onInput={(event) => {
              hours.value = event.currentTarget.value;
            }}
          />
        </label>
        <label>
          Reason{" "}
          <input
            maxLength={500}
            value={reason.value}
            onInput={(event) => {
              reason.value = event.currentTarget.value;
            }}
          />
        </label>
        <label class="still">
          <input
            type="checkbox"
            checked={hold.value}
            onChange={(event) => {
              hold.value = event.currentTarget.checked;
            }}
          />{" "}
          Hold releases under way, too
        </label>
        <button type="submit" class="main">
          Freeze {namespace.value} for {hours.value} h
        </button>
      </form>
    </section>
  );
}
