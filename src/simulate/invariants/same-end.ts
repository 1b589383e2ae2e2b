/** Judged by a campaign, which runs everything twice: with and without crashes. */
export const SAME_END = {
  name: "same-end",
  rule:
    "After any crash, at any call, a rollout comes to the same end as without it. Two operators that lead at once may at most take a " +
    "release back that one would have promoted.",
  why: "Operators are killed all the time: by upgrades, by nodes, by memory limits; nobody should have to think of it.",
} as const;
