/** Judged by `records.test.ts`, which repeats runs with an API server that treats their records otherwise. */
export const RECORDING_NEVER_STEERS = {
  name: "recording-never-steers",
  rule:
    "With an API server that refuses CanaryRuns, never answers for them, or does not know them, every write of the operator, every " +
    "event and every alert is the same, at the same time.",
  why: "A record is for those who look on. A full etcd or a right that is missing must not stop or speed up a release.",
} as const;
