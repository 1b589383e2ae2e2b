/** Who follows the stream. Each page holds a connection, and its person's rights are read again and again. */
import type { User } from "./access.ts";
import type { Mode } from "./types.ts";

export type Viewers = ReturnType<typeof createViewers>;

/** Pages of all people, and of one. */
const MOST_VIEWERS = 1000;
const MOST_VIEWERS_EACH = 50;

export function createViewers() {
  const names = new Map<string, number>();
  const count = () => [...names.values()].reduce((all, pages) => all + pages, 0);
  return {
    count,
    /** @returns leaves; undefined when there is no place */
    enter({ name }: User, mode: Mode): (() => void) | undefined {
      // Without authentication all people have one name.
      const most = mode === "none" ? MOST_VIEWERS : MOST_VIEWERS_EACH;
      if (count() >= MOST_VIEWERS || (names.get(name) ?? 0) >= most) return undefined;
      names.set(name, (names.get(name) ?? 0) + 1);
      return () => {
        const left = (names.get(name) ?? 1) - 1;
        if (left === 0) names.delete(name);
        else names.set(name, left);
      };
    },
  };
}
