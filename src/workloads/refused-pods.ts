/** Pods that the API server refuses: a quota is used up, or an admission policy or webhook objects. */
import { clean } from "../net/show.ts";

/** Of a message of the API server. */
const MOST_CHARACTERS = 300;

/** @param whose e.g. "deployment podinfo.test" @param message the API server's, as the controller reports it */
export function refusedPods(whose: string, message: unknown): string {
  const why = clean(String(message ?? ""), MOST_CHARACTERS);
  const cure = /exceeded quota/.test(why)
    ? "raise the quota, or delete pods that use it up"
    : "allow them, or change the pods";
  return `pods of ${whose} cannot be created: ${why}: ${cure}`;
}
