/** Options that the commands about Canaries share. */
import { CLUSTER_OPTIONS } from "../cluster.ts";
import type { OptionSpec } from "../options.ts";

export const NAMESPACE = {
  namespace: { type: "string", short: "n", help: "namespace; else the context's" },
} as const satisfies Record<string, OptionSpec>;

export const CANARY_OPTIONS = { ...NAMESPACE, ...CLUSTER_OPTIONS } as const;
