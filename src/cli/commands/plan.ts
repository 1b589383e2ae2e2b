/** Shows what a Canary will go through, before it is applied. */

import type { CanarySpec, HookType } from "../../core/canary.ts";
import { formatDuration } from "../../core/duration.ts";
import { DEFAULT_PARSE_OPTIONS, parseSpec } from "../../core/parse.ts";
import { type Announcement, type Plan, planFor, type Step } from "../../core/plan.ts";
import { hooksOf } from "../../core/probes.ts";
import { createRouters } from "../../routers/table.ts";
import { alignColumns } from "../columns.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, readOptions } from "../options.ts";
import { readManifests } from "./apply.ts";

const OPTIONS = {
  "mesh-provider": { type: "string", preset: "istio", help: "provider of Canaries that name none" },
  output: { type: "string", short: "o", preset: "text", help: "text or json" },
} as const satisfies Record<string, OptionSpec>;

export const planCommand: Command = {
  help: `Usage: aviary plan FILE|FOLDER... [OPTIONS]\n\n${describeOptions(OPTIONS)}`,
  run({ argv, out }) {
    const options = readOptions(argv, OPTIONS);
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary", 2);
    const canaries = readManifests(options.words).filter(({ kind }) => kind === "Canary");
    if (canaries.length === 0) throw new UserError(`there is no Canary in ${options.words.join(", ")}`);
    const routers = createRouters({ setOwnerRefs: true });
    const meshProvider = options.text("mesh-provider") ?? "istio";
    const plans = canaries.map(({ metadata, spec }) => {
      const name = `${metadata.name}.${metadata.namespace ?? "default"}`;
      const parsed = parseSpec(spec, metadata.namespace ?? "default", { ...DEFAULT_PARSE_OPTIONS, meshProvider });
      if (parsed.kind === "invalid") throw new UserError(`${name}: ${parsed.problem}`);
      const router = routers.get(parsed.spec.provider);
      if (router === undefined) throw new UserError(`${name}: unknown mesh provider "${parsed.spec.provider}"`);
      return { name, spec: parsed.spec, plan: planFor(parsed.spec, router.capabilities) };
    });
    const asJson = options.text("output") === "json";
    const shown = plans.map(({ name, spec, plan }) =>
      asJson
        ? { ...plan, name, strategy: spec.strategy, intervalMs: spec.analysis.intervalMs }
        : describe(name, spec, plan),
    );
    out(asJson ? `${JSON.stringify(shown, null, 2)}\n` : shown.join("\n"));
    return Promise.resolve(0);
  },
};

function describe(name: string, spec: CanarySpec, plan: Plan): string {
  const { intervalMs, threshold, metrics } = spec.analysis;
  const head = [
    `${name}: ${spec.strategy} of ${spec.targetRef.kind} ${spec.targetRef.name} on ${spec.provider}`,
    ...plan.warnings.map((warning) => `  note: ${warning}`),
  ];
  if (spec.skipAnalysis)
    return `${[...head, "  analysis is skipped: a new revision is promoted as soon as it is ready"].join("\n")}\n`;
  const checks = metrics.map((metric) => metric.name);
  const rows = [
    "  AFTER\tSTEP\tPRIMARY\tCANARY\tGATES BEFORE IT",
    ...plan.steps.map((step, i) => row(i * intervalMs, step, i === 0 ? before(spec, step) : asked(spec, step.gates))),
    `  ${formatDuration(plan.steps.length * intervalMs)}\tpromotion\t\t\t${asked(spec, plan.promotionGates)}`,
  ];
  const tail = [
    `each step is held for ${formatDuration(intervalMs)} and judged at its end by ${listed(checks)}`,
    `${threshold} failed ${threshold === 1 ? "check takes" : "checks take"} the release back`,
    back(plan, intervalMs),
  ];
  return `${[...head, "", alignColumns(rows), "", ...tail.map((line) => `  ${line}`)].join("\n")}\n`;
}

function row(afterMs: number, { announcement, routes }: Step, gates: string): string {
  const mirrored = routes.mirror ? " (mirrored)" : "";
  return `  ${formatDuration(afterMs)}\t${stepName(announcement)}\t${routes.primary} %\t${routes.canary} %${mirrored}\t${gates}`;
}

function stepName(announcement: Announcement): string {
  switch (announcement.kind) {
    case "weight":
      return `weight ${announcement.weight}`;
    case "iteration":
      return `iteration ${announcement.iteration}/${announcement.total}`;
    case "switch":
      return "switch";
    case "silent":
      return "last check";
  }
}

/** What stands before the first traffic: approval of the rollout, preparations, then the step's own gates. */
function before(spec: CanarySpec, step: Step): string {
  return asked(spec, ["confirm-rollout", "pre-rollout", ...step.gates]);
}

function asked(spec: CanarySpec, types: readonly HookType[]): string {
  const names = types.flatMap((type) => hooksOf(spec, type).map((hook) => `${hook.name} (${type})`));
  return names.length === 0 ? "-" : names.join(", ");
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "its rollout webhooks alone" : names.join(", ");
}

function back({ promotionWeights }: Plan, intervalMs: number): string {
  if (promotionWeights.length <= 1) return "then all traffic goes to the promoted primary at once";
  const steps = promotionWeights.map((weight) => `${weight} %`).join(", ");
  return `then traffic goes to the promoted primary by ${steps}, every ${formatDuration(intervalMs)}`;
}
