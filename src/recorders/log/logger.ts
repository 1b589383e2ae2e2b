/** The process's log: one JSON object per line on stderr, with the keys that Flagger's users filter by. */
import { type Logger, pino } from "pino";
import { bounded, shortened } from "./bounded.ts";

const LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;

export interface LoggerOptions {
  /** debug, info, warn (or warning, Q75), error, fatal, panic; anything else means info. */
  readonly level: string;
  /** json, or console, which is easier to read. */
  readonly encoding: string;
  /** The stream for the lines; stderr when absent. */
  readonly write?: (line: string) => void;
}

export function createLogger({ level, encoding, write }: LoggerOptions): Logger {
  const put = write ?? ((line: string) => void process.stderr.write(line));
  const shape = encoding === "console" ? (line: string) => toConsole(cut(line)) : cut;
  const destination = { write: (line: string) => put(shape(line)) };
  return pino(
    {
      level: levelOf(level),
      base: null,
      messageKey: "msg",
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are copied by bounded.ts.
      serializers: { err: (copied: unknown) => copied },
      hooks: {
        // Before pino serialises anything.
        logMethod(args: unknown[], method) {
          const [fields, message] = args;
          const short = typeof message === "string" ? shortened(message, LONGEST_MESSAGE) : message;
          method.call(this, bounded(fields) as object, short as string);
        },
      },
    },
    destination,
  );
}

function levelOf(name: string): string {
  if (name === "warning") return "warn";
  if (name === "panic") return "fatal";
  return LEVELS.find((level) => level === name) ?? "info";
}

/** The longest line, in characters. Texts of servers and tenants must not fill the disk. */
const LONGEST_LINE = 16_384;
/** Characters of a message: events have fewer. */
const LONGEST_MESSAGE = 4_096;

/** A line can still be longer, by texts that are full of what JSON escapes. */
function cut(line: string): string {
  if (line.length <= LONGEST_LINE) return line;
  const { level, ts, msg } = JSON.parse(line) as Record<string, unknown>;
  return `${JSON.stringify({ level, ts, msg: shortened(String(msg), 2_000), cut: line.length })}\n`;
}

/** "2026-01-01T00:00:00.000Z	info	message	{fields}"; a message of several lines is quoted, so that it is one line. */
function toConsole(line: string): string {
  const { level, ts, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.keys(fields).length === 0 ? "" : `\t${JSON.stringify(fields)}`;
  const text = String(msg);
  return `${ts}\t${level}\t${hasControl(text) ? JSON.stringify(text) : text}${rest}\n`;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
