/** Judged by a campaign, which runs everything twice: with and without crashes. */
export const SAME_END = {
  name: "same-end",
  rule: "After any crash, at any call, a rollout comes to the same end as without it.",
  why: "Operators are killed all the time: by upgrades, by nodes, by memory limits; nobody should have to think of it.",
} as const;
