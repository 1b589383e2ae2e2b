/**
 * How much work one rendering may be. A query is a line of text with a few names in it; a template that needs more than this is a
 * runaway or an attack, and the operator has one event loop for all namespaces. Fuel is counted, not timed: a template renders
 * everywhere or nowhere. At these limits a rendering takes a few milliseconds.
 */

/** Statements, operands, calls, and variables that are copied into a block. */
const MOST_STEPS = 20_000;
/** Characters of output, and of everything that functions are given and make. */
const MOST_TEXT = 262_144;
/** Blocks, parentheses and templates within each other. */
const DEEPEST = 500;

/** The rendering is too much work; the evaluator adds the place. */
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
