/** The table of what each provider can do, from the routers themselves: docs/reference/providers.md and the README. */
import { apiVersionOf } from "../ports/kubernetes.ts";
import type { Router } from "../ports/router.ts";
import { createRouters } from "./table.ts";

const HEAD = [
  "| provider | writes | weights | A/B testing | mirroring | session affinity |",
  "|---|---|---|---|---|---|",
];

/** Rows in the order of names. */
export function providersTable(): string {
  const routers = [...createRouters({ setOwnerRefs: true }).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...HEAD, ...routers.map(rowOf)].join("\n");
}

function rowOf({ name, kinds, capabilities }: Router): string {
  const { weights, headerMatch, mirror, sessionAffinity } = capabilities;
  const written = kinds.map(({ type }) => `${type.kind} \`${apiVersionOf(type)}\``).join(", ") || "-";
  const can = [weights, headerMatch, mirror, sessionAffinity].map((able) => (able ? "yes" : "no"));
  return `| \`${name}\` | ${written} | ${can.join(" | ")} |`;
}
