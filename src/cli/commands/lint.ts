/** Says everything that is wrong with Canaries: object, field, cause and cure, one a line. */
import { doubtText } from "../../core/spec/doubts.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { bareVariablesOf } from "../bare-variables.ts";
import { examine, givenManifests } from "../canaries.ts";
import { coloured } from "../colour.ts";
import { type Command, UserError } from "../command.ts";
import { readForShow } from "../manifests.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions } from "../options.ts";
import { missing, mistakesIn } from "../referenced.ts";

const OPTIONS = {
  "mesh-provider": { type: "string", preset: DEFAULT_PROVIDER, help: "provider of Canaries that name none" },
  strict: { type: "boolean", help: "warnings are failures, too" },
  ...OUTPUT,
} as const satisfies Record<string, OptionSpec>;

interface Mistake {
  /** "canary/podinfo in test" */
  readonly object: string;
  /** error: refused, or no release can succeed. warning: accepted, but hardly meant. */
  readonly severity: "error" | "warning";
  readonly text: string;
}

export const lintCommand: Command = {
  help: `Usage: aviary lint FILE|FOLDER|-... [OPTIONS]

Needs no cluster. MetricTemplates, AlertProviders and their Secrets in the files are looked at, too. Exit code 1 when
there is an error: something that is refused, with which no release can succeed, or with which no alert is sent.

Examples:
  aviary lint examples/podinfo
  aviary lint --strict canaries/
  kustomize build . | aviary lint -

${describeOptions(OPTIONS)}`,
  run({ argv, env, out }) {
    const options = readOptions(argv, OPTIONS);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    if (options.words.length === 0) throw new UserError("name at least one file with a Canary, or - for stdin", 2);
    const manifests = readForShow(options.words);
    const canaries = manifests.filter(({ kind }) => kind === "Canary");
    if (canaries.length === 0) throw new UserError(`there is no Canary in ${options.words.join(", ")}`);
    const given = givenManifests(manifests);
    const provider = options.text("mesh-provider") ?? DEFAULT_PROVIDER;
    const found = [
      ...canaries.flatMap((one) => mistakesOf(one, { manifests, given, provider })),
      ...manifests.flatMap((one) => mistakesInOther(one, manifests)),
    ];
    if (asJson) out(`${JSON.stringify(found, null, 2)}\n`);
    else {
      const paint = coloured(env);
      for (const { object, severity, text } of found) {
        out(`${severity === "error" ? paint.bad("error") : paint.warn("warning")} ${object}: ${text}\n`);
      }
      const count = (kind: string) => found.filter(({ severity }) => severity === kind).length;
      const canary = canaries.length === 1 ? "1 Canary" : `${canaries.length} Canaries`;
      out(`${canary}: ${count("error")} errors, ${count("warning")} warnings\n`);
    }
    const bad = found.filter(({ severity }) => severity === "error" || options.flag("strict"));
    return Promise.resolve(bad.length === 0 ? 0 : 1);
  },
};

interface Scope {
  readonly manifests: readonly KubeObject[];
  readonly given: ReturnType<typeof givenManifests>;
  readonly provider: string;
}

function mistakesOf(canary: KubeObject, { manifests, given, provider }: Scope): readonly Mistake[] {
  const { name, namespace = "default" } = canary.metadata;
  const object = `canary/${name} in ${namespace}`;
  const examined = examine(canary, provider, given);
  if (examined.kind === "refused") return examined.problems.map((text) => ({ object, severity: "error", text }));
  const { notes, doubts } = examined.planned;
  const doubted = doubts.map((doubt) => ({
    object,
    severity: doubt.always ? ("error" as const) : ("warning" as const),
    text: doubtText(doubt),
  }));
  const warned = [...notes, ...missing(canary, manifests)].map((text) => ({
    object,
    severity: "warning" as const,
    text,
  }));
  return [...doubted, ...warned];
}

/** Of a MetricTemplate or an AlertProvider. */
function mistakesInOther(other: KubeObject, manifests: readonly KubeObject[]): readonly Mistake[] {
  const { name, namespace = "default" } = other.metadata;
  const object = `${(other.kind ?? "").toLowerCase()}/${name} in ${namespace}`;
  return [
    ...mistakesIn(other, manifests).map((text) => ({ object, severity: "error" as const, text })),
    ...bareVariablesOf(other).map((text) => ({ object, severity: "warning" as const, text })),
  ];
}
