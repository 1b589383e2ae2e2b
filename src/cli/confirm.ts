/** Asks before something that cannot be undone. Without a terminal there is no one to ask: --yes says it in advance. */
import { createInterface } from "node:readline/promises";
import { type CommandContext, UserError } from "./command.ts";

/** @throws UserError unless the answer is yes */
export async function confirm(question: string, yes: boolean, { signal }: CommandContext): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UserError(`${question} Nothing was done: there is no terminal to ask, add --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} Type yes: `, { signal });
    if (answer.trim().toLowerCase() !== "yes") throw new UserError("nothing was done");
  } finally {
    terminal.close();
  }
}
