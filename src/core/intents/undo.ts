import { type Intent, refused } from "./intent.ts";

/** Not possible yet: the primary keeps no earlier revision once a promotion is done. Says what to do instead. */
export const undo: Intent = {
  phases: ["Succeeded", "Initialized", "Failed"],
  apply: () => refused("no earlier revision is kept: revert the target (kubectl rollout undo, or in Git)"),
};
