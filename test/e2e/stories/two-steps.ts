/** The analysis that most targets go through, in two steps, and the events about it. */

export const BEGUN = [
  "New revision detected! Scaling up podinfo",
  "Starting canary analysis for podinfo",
  "Pre-rollout check load-start passed",
  "Pre-rollout check warm-up passed",
];
export const PROMOTED = [
  "Copying podinfo template spec to podinfo-primary",
  "Routing all traffic to primary",
  "Promotion completed! Scaling down podinfo",
];
export const UP = ["Advance podinfo canary weight 30", "Advance podinfo canary weight 60"];
export const TAKEN_BACK = [
  "Halt podinfo advancement success rate N < 99%",
  "Rolling back podinfo failed checks threshold reached 6",
  "Canary failed! Scaling down podinfo",
];
export const STEPS = { stepWeights: [30, 60], threshold: 1000 };
/** On a busy machine some checks have no answer: six of them in a row are not without one that saw the bad requests. */
export const IMPATIENT = { ...STEPS, threshold: 6 };
export const UNHARMED = { dropped: [], injected: 0, failedByPrimary: 0 };
