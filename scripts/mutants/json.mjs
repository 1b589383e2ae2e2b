/** What is broken on purpose in src/json/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "fields that are to go stay",
    from: "if (isAbsent(from[key]) || key in to) continue;",
    to: "continue;",
  },
];
