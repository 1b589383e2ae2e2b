/**
 * How much work one rendering may do. A query is a line of text with a few names in it. A template that needs more is a
 * mistake or an attack, and the operator has one event loop for all namespaces. Fuel is counted, not timed: a template
 * renders on every machine or on none. Within these limits a rendering takes a few milliseconds.
 */

/** Statements, operands, calls, and variables that are copied into a block. */
const MOST_STEPS = 10_000;
/** Characters of output, and of all arguments and results of functions. */
const MOST_TEXT = 262_144;
/** Nesting of blocks, parentheses and templates. */
const DEEPEST = 500;

/** The rendering uses too much fuel; the evaluator adds the place. */
export class OutOfFuel extends Error {
  override readonly name = "OutOfFuel";
}

export class Fuel {
  private steps = MOST_STEPS;
  private text = MOST_TEXT;
  private depth = 0;

  /** @throws OutOfFuel */
  step(count = 1): void {
    this.steps -= count;
    if (this.steps < 0) throw new OutOfFuel(`the template takes more than ${MOST_STEPS} steps`);
  }

  /** @throws OutOfFuel */
  write(characters: number): void {
    this.text -= characters;
    if (this.text < 0) throw new OutOfFuel("the template makes more than 256 KiB of text");
  }

  /** @throws OutOfFuel */
  within<T>(work: () => T): T {
    if (this.depth >= DEEPEST) throw new OutOfFuel(`the template is nested more than ${DEEPEST} deep`);
    this.depth += 1;
    try {
      return work();
    } finally {
      this.depth -= 1;
    }
  }
}
