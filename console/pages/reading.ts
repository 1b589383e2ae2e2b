/** Reads for pages: the title, one address, and what went wrong. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { changes, get, type Refused, refusedOf } from "../api.ts";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Aviary`;
  }, [title]);
}

/** Grows with each change of one canary. */
export function useVersion(key: string): number {
  const version = useSignal(0);
  useEffect(() => {
    const before = changes.peek();
    return changes.subscribe((change) => {
      if (change !== before && change.keys.has(key)) version.value += 1;
    });
  }, [key]);
  return version.value;
}

/** Reads an address, and again whenever `version` changes. The old answer stays on the screen meanwhile. */
export function useRead<T>(address: string, version: unknown) {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal<Refused | undefined>(undefined);
  const read = () =>
    get<T>(address).then(
      (answer) => {
        value.value = answer;
        problem.value = undefined;
      },
      (error: unknown) => {
        problem.value = refusedOf(error);
      },
    );
  useEffect(() => void read(), [address, version]);
  return { value, problem, read };
}
