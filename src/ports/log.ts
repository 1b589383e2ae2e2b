/** Structured log lines: fields first, then a text that is the same for every occurrence. pino's loggers fit. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests and for callers that do not care. */
export const SILENT_LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };
