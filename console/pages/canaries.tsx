/** The list of all canaries. Only the rows in view are drawn. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CanaryRow } from "../../src/console/types.ts";
import { list, listed, listProblem, loadList, query, readQuery, setQuery, writeQuery } from "../api.ts";
import { Empty, Pending, Stale } from "../parts.tsx";
import { Rows } from "./canary-rows.tsx";
import { NoCanaries } from "./now.tsx";
import { useTitle } from "./reading.ts";
import { Choice } from "./runs.tsx";

/** Once for each change of the list, not for each letter; the words only once a person searches. */
let kept: {
  readonly of: readonly CanaryRow[];
  words?: readonly string[];
  readonly phases: readonly string[];
};

function matching(all: readonly CanaryRow[], text: string, phase: string) {
  if (kept?.of !== all) kept = { of: all, phases: [...new Set(all.map((row) => row.phase))].sort() };
  const { phases } = kept;
  const wanted = text.toLowerCase();
  if (wanted === "" && phase === "") return { rows: all, phases };
  const ofPhase = (row: CanaryRow) => phase === "" || row.phase === phase;
  if (wanted === "") return { rows: all.filter(ofPhase), phases };
  kept.words ??= all.map(({ namespace, name, what }) => `${namespace}/${name} ${what}`.toLowerCase());
  const { words } = kept;
  const rows = all.filter((row, index) => ofPhase(row) && (words[index] as string).includes(wanted));
  return { rows, phases };
}

export function CanariesPage() {
  useTitle("Canaries");
  const search = new URLSearchParams(query.value);
  const [text, phase] = [search.get("q") ?? "", search.get("phase") ?? ""];
  if (list.value === undefined)
    return <Pending page="Canaries" what="the canaries" problem={listProblem.value} again={() => void loadList()} />;
  const { rows, phases } = matching(listed.value, text, phase);
  const total = listed.value.length;
  if (total === 0) return <NoCanaries page="Canaries" />;
  return (
    <>
      <Stale problem={listProblem.value} again={() => void loadList()} />
      <h1>Canaries</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <SearchField text={text} />
        <Choice name="Phase" value={phase} all={phases} choose={(to) => setQuery({ phase: to })} />
        <span class="dim" role="status">
          {rows.length} of {total}
          {list.value.hidden > 0 && `, ${list.value.hidden} hidden from you`}
        </span>
      </form>
      {rows.length === 0 ? (
        <Empty title="No canary matches">
          <p>{total === 1 ? "The only canary has" : `None of the ${total} canaries has`} these words and this phase.</p>
          <button type="button" onClick={() => setQuery({ q: "", phase: "" })}>
            Show all
          </button>
        </Empty>
      ) : (
        <Rows rows={rows} />
      )}
    </>
  );
}

/** So long after a letter the list is searched: the letters of a person who types come first. */
const TYPED_MS = 80;
/** So long after the field is left: a row must not move away under the pointer that presses it. */
const LEFT_MS = 300;

function SearchField({ text }: { text: string }) {
  const typed = useSignal(text);
  const later = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const searchIn = (ms: number) => {
    clearTimeout(later.current);
    later.current = setTimeout(() => {
      later.current = undefined;
      readQuery();
    }, ms);
  };
  // The address has changed otherwise: "Show all", or the back button.
  useEffect(() => {
    if (text === typed.peek()) return;
    clearTimeout(later.current);
    later.current = undefined;
    typed.value = text;
  }, [text]);
  useEffect(() => () => clearTimeout(later.current), []);
  return (
    <label>
      Search{" "}
      <input
        type="search"
        value={typed.value}
        onInput={(event) => {
          const { value } = event.currentTarget;
          typed.value = value;
          // The address has the words at once. So the back button leads to them, also when a person opens a canary
          // before the list is searched.
          writeQuery({ q: value });
          searchIn(TYPED_MS);
        }}
        onBlur={() => later.current !== undefined && searchIn(LEFT_MS)}
        placeholder="name, namespace or words"
      />
    </label>
  );
}
