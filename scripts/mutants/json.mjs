/** What is broken on purpose in src/json/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "fields that are to go stay",
    from: "if (isAbsent(own(from, key)) || Object.hasOwn(to, key)) continue;",
    to: "continue;",
  },
];
