/** The next message of a thread or of a process that was started. */
import { type EventEmitter, once } from "node:events";

/** @param what it is, for the error @throws Error when it ends instead */
export async function nextMessage(from: EventEmitter, what: string): Promise<unknown> {
  const over = new AbortController();
  const message = once(from, "message", { signal: over.signal }).then(([content]: unknown[]) => content);
  const end = once(from, "exit", { signal: over.signal }).then(([code]: unknown[]): never => {
    throw new Error(`${what} ended with code ${code}`);
  });
  return Promise.race([message, end]).finally(() => {
    over.abort();
    for (const left of [message, end]) left.catch(() => undefined); // one of the two was waited for
  });
}
