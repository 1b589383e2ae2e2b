import { clean } from "../net/show.ts";

/** What servers said is cut where it enters a message; this holds for all that is said together. */
const LONGEST = 4096;

/** A query that could not be answered, or a provider that cannot be set up; the message is the text that goes into events. */
export class MetricError extends Error {
  constructor(message: string) {
    super(clean(message, LONGEST));
    this.name = "MetricError";
  }
}

/** Detail of a measurement without data. */
export const NO_VALUES = "no values found";
/** More than one number came back. */
export const MULTIPLE_VALUES = "query returned multiple values";
