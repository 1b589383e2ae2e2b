/** A query that cannot be read, or that asks for what this Prometheus does not have: HTTP 400. */
export class QueryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "QueryError";
  }
}

/** A query that makes no sense of the data at hand (two series match where one must): HTTP 422. */
export class ExecutionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExecutionError";
  }
}

/** The embedded Prometheus refuses with this error everything that it does not support. */
export function notImplemented(what: string): QueryError {
  return new QueryError(
    `not implemented in the sandbox's Prometheus: ${what} (install Debian's prometheus package for all of PromQL)`,
  );
}
