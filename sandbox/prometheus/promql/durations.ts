import { parseWindow } from "../../../src/go/promql-window.ts";
import { QueryError } from "./errors.ts";

/** "1h30m" in milliseconds. @throws QueryError */
export function durationMs(text: string): number {
  const window = parseWindow(text);
  if (window === undefined) throw new QueryError(`parse error: not a valid duration string: "${text}"`);
  return window;
}
