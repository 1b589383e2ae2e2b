import { clean } from "../net/show.ts";

/** Texts of servers are truncated where they enter a message; this limit is for the whole message. */
const LONGEST = 4096;

/**
 * A query that could not be answered, or a provider that cannot be set up; the message is the text that goes into
 * events.
 */
export class MetricError extends Error {
  constructor(message: string) {
    super(clean(message, LONGEST));
    this.name = "MetricError";
  }
}

/** Detail of a measurement without data. */
export const NO_VALUES = "no values found";
/** The query returned more than one number. */
export const MULTIPLE_VALUES = "query returned multiple values";
