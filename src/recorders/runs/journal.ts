/** The lines of a run's journal: lean, redacted and bounded. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { JournalLine } from "../../core/record/journal.ts";
import type { Webhook } from "../../core/spec/spec.ts";
import type { Answer, Answered } from "../../core/turn/observation.ts";
import type { DecisionInput } from "../../core/turn/turn.ts";
import { show } from "../../net/show.ts";
import type { Turn } from "../../ports/recorder.ts";

/** Characters of all lines; a longer journal is dropped as a whole. */
const LONGEST = 512 * 1024;
/** Characters of the gzipped journal in base64. */
const LONGEST_PACKED = 48 * 1024;
/** Of the answer of a webhook, characters. */
const LONGEST_DETAIL = 500;
const HIDDEN = "(hidden)";

export interface RunJournal {
  add(turn: Turn): void;
  /** What an operator before this one wrote comes first. */
  continue(packed: string | undefined): void;
  /** undefined when it would be too large */
  packed(): string | undefined;
}

interface Written {
  readonly value: unknown;
  /** undefined for a part that is absent */
  readonly text: string | undefined;
}

/** The text of a part. Most parts stay the same from turn to turn, and a spec may have a megabyte. */
function write(value: unknown, before?: Written): Written {
  return value === before?.value && before !== undefined ? before : { value, text: JSON.stringify(value) };
}

export function createRunJournal(): RunJournal {
  let lines: string[] = [];
  let length = 0;
  let isTooLong = false;
  /** Each part of the situation as it was written last. */
  let written = new Map<string, Written>();

  function push(line: string): void {
    lines.push(line);
    length += line.length + 1;
    if (length <= LONGEST) return;
    isTooLong = true;
    lines = [];
  }

  return {
    add(turn) {
      if (isTooLong) return;
      const parts = Object.entries(partsOf(turn)).map(
        ([name, value]) => [name, write(value, written.get(name))] as const,
      );
      const changed = parts.filter(([name, { text }]) => text !== undefined && written.get(name)?.text !== text);
      const { status } = turn.transition;
      const next = write(status);
      const answers = write(turn.input.observation.answers.map(answerOf));
      const fields = [...changed, ["answers", answers] as const, ["next", next] as const];
      push(`{${fields.map(([name, { text }]) => `${JSON.stringify(name)}:${text}`).join(",")}}`);
      written = new Map([...parts, ["status", next]]);
    },
    continue(packed) {
      if (packed === undefined) return;
      const own = lines;
      lines = [];
      length = 0;
      for (const line of [...linesOf(packed), ...own]) push(line);
    },
    packed() {
      if (isTooLong || lines.length === 0) return undefined;
      const packed = gzipSync(lines.join("\n")).toString("base64");
      return packed.length > LONGEST_PACKED ? undefined : packed;
    },
  };
}

function partsOf({ input }: Turn): Omit<JournalLine, "answers" | "next"> {
  const { observation, spec, actions = [], freeze, ...rest } = input;
  return {
    ...rest,
    spec: redactedSpec(spec),
    readings: observation.readings,
    actions,
    freeze: freeze ?? null,
  };
}

/** The address of a webhook may hold a token, and its metadata anything at all. */
function redactedSpec(spec: DecisionInput["spec"]): DecisionInput["spec"] {
  if (spec.analysis.webhooks.length === 0) return spec;
  const webhooks = spec.analysis.webhooks.map(redactedHook);
  return { ...spec, analysis: { ...spec.analysis, webhooks } };
}

function redactedHook({ url, metadata, ...hook }: Webhook): Webhook {
  const hidden = Object.fromEntries(Object.keys(metadata ?? {}).map((name) => [name, HIDDEN]));
  return {
    ...hook,
    url: URL.canParse(url) ? show(url) : HIDDEN,
    ...(metadata === undefined ? {} : { metadata: hidden }),
  };
}

function answerOf({ answer }: Answered): Answer {
  if (answer.kind === "refused") return { ...answer, detail: answer.detail.slice(0, LONGEST_DETAIL) };
  if (answer.kind === "no-data" || answer.kind === "error") {
    return { kind: answer.kind, message: answer.message.slice(0, LONGEST_DETAIL) };
  }
  return answer.kind === "value" ? { kind: "value", value: answer.value } : answer;
}

function linesOf(packed: string): readonly string[] {
  try {
    const text = gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: 2 * LONGEST }).toString("utf8");
    return text.split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}
