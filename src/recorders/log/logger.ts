/** The process's log: one JSON object a line on stderr, with the keys that Flagger's users filter by. */
import { type Logger, pino } from "pino";

const LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;

export interface LoggerOptions {
  /** debug, info, warn (or warning, Q75), error, fatal, panic; anything else means info. */
  readonly level: string;
  /** json, or console for people. */
  readonly encoding: string;
  /** Where lines go; stderr when absent. */
  readonly write?: (line: string) => void;
}

export function createLogger({ level, encoding, write }: LoggerOptions): Logger {
  const sink = { write: write ?? ((line: string) => void process.stderr.write(line)) };
  const destination = encoding === "console" ? { write: (line: string) => sink.write(toConsole(line)) } : sink;
  return pino(
    {
      level: levelOf(level),
      base: null,
      messageKey: "msg",
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

function levelOf(name: string): string {
  if (name === "warning") return "warn";
  if (name === "panic") return "fatal";
  return LEVELS.find((level) => level === name) ?? "info";
}

/** "2026-01-01T00:00:00.000Z	info	message	{fields}" */
function toConsole(line: string): string {
  const { level, ts, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.keys(fields).length === 0 ? "" : `\t${JSON.stringify(fields)}`;
  return `${ts}\t${level}\t${msg}${rest}\n`;
}
