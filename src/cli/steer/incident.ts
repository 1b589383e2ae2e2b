/** A run as Markdown, to be pasted into the report of an incident. */
import type { RecordedAction, RecordedCheck } from "../../core/record/run-record.ts";
import type { KubeObject } from "../../ports/kubernetes.ts";
import { limitText } from "./limits.ts";

export interface Incident {
  readonly title: string;
  readonly sentence: string;
  readonly run: KubeObject | undefined;
  readonly failed: readonly RecordedCheck[];
  readonly notReady: readonly string[];
}

export function incidentOf({ title, sentence, run, failed, notReady }: Incident): string {
  const { spec = {}, status = {} } = run ?? {};
  const images = Object.entries(spec.images ?? {}).map(([name, image]) => {
    return `- ${cell(name)}: ${code(String(spec.previousImages?.[name] ?? "?"))} -> ${code(String(image))}`;
  });
  const facts = [
    ...(run === undefined ? [] : [`- run: ${code(run.metadata.name)}`]),
    ...(spec.startedAt === undefined ? [] : [`- began: ${cell(String(spec.startedAt))}`]),
    ...(status.endedAt === undefined ? [] : [`- ended: ${cell(String(status.endedAt))}`]),
    ...images,
  ];
  const people: readonly RecordedAction[] = status.people ?? [];
  const sections = [
    [`## ${title}`, "", cell(sentence), "", ...facts],
    table(
      "### Failed checks",
      ["at", "step", "weight", "check", "value", "limit", "requests"],
      failed.map((check) => [
        ...[check.at, String(check.step), `${check.weight} %`, check.check],
        ...[
          String(check.value ?? check.text ?? check.detail ?? "no value"),
          limitText(check),
          String(check.requests ?? ""),
        ],
      ]),
    ),
    table(
      "### People",
      ["at", "who", "what", "outcome", "reason"],
      people.map(({ at, by, verb, outcome, message, reason = "" }) => [at, by, verb, `${outcome}: ${message}`, reason]),
    ),
    notReady.length === 0 ? [] : ["### Pods that are not ready", "", ...notReady.map((pod) => `- ${cell(pod)}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.map((text) => cell(String(text))).join(" | ")} |`;
  return [title, "", line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)];
}

/** Foreign text stays text: no cell ends early, nothing becomes HTML, a link or an image, no person is mentioned. */
const cell = (text: string): string =>
  text
    .replace(/[\r\n]+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll("@", "@\u200b")
    .replace(/[\\`*[\]|~]/g, "\\$&");

/** In a span of code nothing is obeyed but its end. */
const code = (text: string): string => `\`${text.replace(/[\r\n`]+/g, " ")}\``;
