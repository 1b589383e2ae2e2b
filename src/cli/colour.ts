/** Colour on a terminal, and nowhere else: NO_COLOR and pipes get plain text. State is always said in words, too. */

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  /** Colours the words in a line that are states: Succeeded, Failed, Running ... */
  states(line: string): string;
}

const GOOD = ["Succeeded", "Initialized", "Running", "True", "Bound", "Active", "pass"];
const BAD = ["Failed", "Error", "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "Evicted", "False", "fail"];
const BUSY = ["Progressing", "Promoting", "Finalising", "Waiting", "WaitingPromotion", "Pending", "ContainerCreating"];

const plain = (text: string): string => text;
const NONE: Paint = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain, states: plain };

const code =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`;

const bold = code(1, 22);
const good = code(32, 39);
const bad = code(31, 39);
const warn = code(33, 39);

const COLOURS: Paint = {
  bold,
  dim: code(2, 22),
  good,
  bad,
  warn,
  states: (line) =>
    line.replaceAll(/(?<![\w-])[A-Za-z]+(?![\w-])/g, (word) => {
      if (GOOD.includes(word)) return good(word);
      if (BAD.includes(word)) return bad(word);
      return BUSY.includes(word) ? warn(word) : word;
    }),
};

/** @param isTerminal whether the output is one; the process's own standard output when absent */
export function coloured(
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean = process.stdout.isTTY === true,
): Paint {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return isTerminal && !refused ? COLOURS : NONE;
}
