/** The manual gates, which people open and close by hand. In memory, closed at first, lost on restart (Q85). */
import type { Log } from "../ports/log.ts";

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export type Doors = (path: string, canary: string) => Reply | undefined;

/** Answers the paths of gates and rollback gates; undefined for any other path. */
export function createDoors(log: Log): Doors {
  const gates = new Set<string>();
  const rollbacks = new Set<string>();
  return (path, canary) => {
    const [, kind, verb] = /^\/(gate|rollback)\/(check|open|close)$/.exec(path) ?? [];
    if (kind === undefined) return undefined;
    const open = kind === "gate" ? gates : rollbacks;
    const door = kind === "gate" ? canary : `rollback.${canary}`;
    if (verb === "check") {
      const isOpen = open.has(canary);
      log.info({ canary }, `${door} ${kind} check: approved ${isOpen}`);
      return isOpen ? { status: 200, body: "Approved" } : { status: 403, body: "Forbidden" };
    }
    if (verb === "open") open.add(canary);
    else open.delete(canary);
    log.info({ canary }, `${door} ${kind} ${verb === "open" ? "opened" : "closed"}`);
    return { status: 202, body: "" };
  };
}
