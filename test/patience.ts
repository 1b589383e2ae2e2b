/**
 * How long a test waits for what must happen, in milliseconds. The machine may be busy; only a test that fails waits
 * this long.
 */
export const PATIENCE_MS = 240_000;
