/** Judged by a campaign, which repeats every run without crashes. */
export const SAME_END = {
  name: "same-end",
  rule:
    "After any crash, at any call, a rollout comes to the same end as without it. Two leaders at once may at most roll back a " +
    "release that one leader would have promoted.",
  why: "Operators are killed often: by upgrades, by nodes, by memory limits. Users should not need to care.",
} as const;
