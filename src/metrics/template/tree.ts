/** What a parsed template is made of. */

/** A value of the template language: string, int (bigint), float (number), bool, nil, or a map of strings. */
export type Value = string | bigint | number | boolean | null | ReadonlyMap<string, string>;

/** Where a node stands in the template, and its own text: error messages show both. */
export interface Place {
  readonly at: number;
  readonly source: string;
}

export type Operand = Place &
  (
    | { readonly kind: "constant"; readonly value: Value }
    | { readonly kind: "nil" }
    | { readonly kind: "dot" }
    | { readonly kind: "variable"; readonly name: string }
    | { readonly kind: "function"; readonly name: string }
    | { readonly kind: "pipeline"; readonly pipeline: Pipeline }
    /** `of.a.b`; `.a` alone is of dot. */
    | { readonly kind: "fields"; readonly of: Operand; readonly names: readonly string[] }
  );

/** A function with its arguments, or a single value. */
export interface Command extends Place {
  readonly first: Operand;
  readonly rest: readonly Operand[];
}

/** `$x := first | second`: the value of each command is the last argument of the next. */
export interface Pipeline extends Place {
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export type Block = readonly Statement[];

export type Statement =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: Block;
      readonly otherwise: Block | undefined;
    }
  | (Place & { readonly kind: "template"; readonly name: string; readonly pipeline: Pipeline | undefined })
  | { readonly kind: "break" | "continue" };

export interface Tree {
  readonly body: Block;
  /** Templates named by `define` and `block`. */
  readonly named: ReadonlyMap<string, Block>;
}
