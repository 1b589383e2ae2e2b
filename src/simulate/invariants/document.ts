/** docs/reference/invariants.md, generated from the table. */
import { RECORDING_NEVER_STEERS } from "./records.ts";
import { SAME_END } from "./same-end.ts";
import { INVARIANTS } from "./table.ts";

export function describeInvariants(): string {
  const sections = [...INVARIANTS, SAME_END, RECORDING_NEVER_STEERS].map(
    ({ name, rule, why }) => `## ${name}\n\n${rule}\n\n*Why:* ${why}\n`,
  );
  return `${HEAD}\n${sections.join("\n")}`;
}

const HEAD = `# Invariants

Rules that hold in every rollout, under every fault. \`aviary simulate --runs N --seed S\` runs the real engine in a
simulated cluster. In this cluster API calls fail, conflict and time out; watches are late, doubled and broken; the
operator is killed between any two calls, or has a second leader; clocks jump; metric servers and webhooks fail, hang or
answer late; and people edit, scale and delete objects in the middle. The command checks every rule below, and fails
when one is broken. \`aviary simulate --stories\` tries every single fault at every call. This page is generated from
\`src/simulate/invariants/table.ts\`; a test keeps it equal.
`;
