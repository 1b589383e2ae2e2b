/** The rules of built-in kinds that their schemas cannot say. */
import type { KubeObject } from "../../../../ports/kubernetes.ts";
import type { FieldError } from "../errors.ts";

export type BuiltinRule = (object: KubeObject, old: KubeObject | undefined) => FieldError[];

const RULES: Readonly<Record<string, BuiltinRule>> = {};

/** What the API server would have against a built-in object beyond its types; empty for kinds without such rules. */
export function validateBuiltin(group: string, kind: string, object: KubeObject, old?: KubeObject): FieldError[] {
  return RULES[`${group}/${kind}`]?.(object, old) ?? [];
}
