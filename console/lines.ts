/**
 * Reads the list piece by piece: the server writes each row on a line of its own. Between two pieces the browser draws,
 * so that no frame waits until thousands of rows are parsed, also on a slow computer.
 */
import { nextFrame } from "./next-frame.ts";

/** A sixth of what a person feels as a pause: the browser needs the rest of the frame itself. */
const PIECE_MS = 8;
/** Rows that are parsed before the clock is asked. */
const ROWS_AT_ONCE = 50;
const BEGIN = '{"rows":[';

/** @throws SyntaxError when the answer is no JSON */
export async function readRows(response: Response): Promise<unknown> {
  const text = await response.text();
  await nextFrame();
  const lines = text.split("\n");
  // A proxy, or a refusal, answers in its own way.
  if (lines[0] !== BEGIN || lines.length < 2) return JSON.parse(text);
  const end = lines.length - 1;
  const rows: unknown[] = [];
  let began = performance.now();
  for (let at = 1; at < end; at += ROWS_AT_ONCE) {
    const piece = lines.slice(at, Math.min(end, at + ROWS_AT_ONCE)).join("");
    rows.push(...(JSON.parse(`[${piece.replace(/,$/, "")}]`) as unknown[]));
    if (performance.now() - began < PIECE_MS && at + ROWS_AT_ONCE < end) continue;
    // Also after the last piece: what the page makes of the rows takes a frame of its own.
    await nextFrame();
    began = performance.now();
  }
  return { ...JSON.parse(`{"rows":[${lines[end] ?? ""}`), rows };
}
