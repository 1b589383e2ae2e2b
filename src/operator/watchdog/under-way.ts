/**
 * Which Canary's turn the running code belongs to, also after it waited. The watchdog asks when the program is stuck.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const current = new AsyncLocalStorage<string>();

/** Under this name the watchdog's debugger finds it. */
export const UNDER_WAY = "aviaryUnderWay";
Object.defineProperty(globalThis, UNDER_WAY, { value: () => current.getStore() ?? "", configurable: true });

export function underWay<T>(canary: string, work: () => Promise<T>): Promise<T> {
  return current.run(canary, work);
}
