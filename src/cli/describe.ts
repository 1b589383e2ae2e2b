/** What `kubectl describe` prints of a custom resource and its events, for machines without kubectl. */

import { show } from "../net/show.ts";
import type { KubeObject } from "../ports/kubernetes.ts";
import { alignColumns, humanAge } from "./columns.ts";

/** Metadata that is shown at the top, or that is of no use to people. */
const HIDDEN_METADATA = new Set(["name", "namespace", "labels", "annotations", "managedFields", "selfLink"]);
const HIDDEN_ANNOTATIONS = new Set(["kubectl.kubernetes.io/last-applied-configuration"]);
const INITIALISMS: Readonly<Record<string, string>> = { uid: "UID", api: "API", url: "URL", cpu: "CPU", ip: "IP" };

/** @param events of the object, in any order @param now milliseconds since the epoch */
export function describeObject(object: KubeObject, events: readonly KubeObject[], now: number): string {
  const { metadata, apiVersion, kind, ...fields } = object;
  const rest = kind === "Secret" ? { ...fields, ...sizesOf(object) } : fields;
  const shown = Object.fromEntries(Object.entries(metadata).filter(([key]) => !HIDDEN_METADATA.has(key)));
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !HIDDEN_ANNOTATIONS.has(key));
  const lines = [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace ?? ""}`,
    ...mapLines("Labels", Object.entries(metadata.labels ?? {}), "="),
    ...mapLines("Annotations", annotations, ": "),
    `API Version:\t${apiVersion}`,
    `Kind:\t${kind}`,
    ...fieldLines({ metadata: shown, ...rest }, 0),
  ];
  return `${alignColumns(lines)}\n${describeEvents(events, now)}`;
}

/** What a Secret holds is not for the screen. */
function sizesOf({ data }: KubeObject): { readonly data?: Readonly<Record<string, string>> } {
  if (!isFields(data)) return {};
  const size = (value: unknown) => `${Buffer.from(String(value), "base64").length} bytes`;
  return { data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, size(value)])) };
}

function mapLines(title: string, entries: readonly (readonly [string, string])[], join: string): string[] {
  if (entries.length === 0) return [`${title}:\t<none>`];
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value], i) => `${i === 0 ? `${title}:` : ""}\t${key}${join}${value}`);
}

function fieldLines(fields: Readonly<Record<string, unknown>>, level: number): string[] {
  return Object.keys(fields)
    .sort()
    .flatMap((key) => valueLines(labelOf(key), fields[key], level));
}

function valueLines(label: string, value: unknown, level: number): string[] {
  const indent = "  ".repeat(level);
  if (Array.isArray(value)) {
    const items = value.flatMap((item) =>
      isFields(item) ? fieldLines(item, level + 1) : [`${indent}  ${String(item)}`],
    );
    return [`${indent}${label}:`, ...items];
  }
  if (isFields(value)) return [`${indent}${label}:`, ...fieldLines(value, level + 1)];
  return [`${indent}${label}:\t${isAddress(value) ? show(value) : String(value)}`];
}

/** Its user, password and query are for the one who is asked. */
function isAddress(value: unknown): value is string {
  return typeof value === "string" && /^https?:\/\//i.test(value);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** "canaryWeight" -> "Canary Weight"; keys that are no words, like label names, stay as they are. */
function labelOf(key: string): string {
  if (/[^A-Za-z0-9]/.test(key)) return key;
  const words = key.split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);
  return words
    .map((word) => INITIALISMS[word.toLowerCase()] ?? `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join(" ");
}

/** The table below `Events:`, oldest first. */
export function describeEvents(events: readonly KubeObject[], now: number): string {
  if (events.length === 0) return "Events:  <none>\n";
  const sorted = [...events].sort((a, b) => lastSeen(a) - lastSeen(b));
  const rows = sorted.map((event) => {
    const message = String(event["message"]).trim();
    const cells = [event["type"], event["reason"], ageOf(event, now), event["source"]?.component ?? "", message];
    return `  ${cells.join("\t")}`;
  });
  const table = ["  Type\tReason\tAge\tFrom\tMessage", "  ----\t------\t----\t----\t-------", ...rows];
  return `Events:\n${alignColumns(table)}\n`;
}

function lastSeen(event: KubeObject): number {
  return Date.parse(event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp ?? "") || 0;
}

function ageOf(event: KubeObject, now: number): string {
  const age = humanAge(now - lastSeen(event));
  const first = Date.parse(event["firstTimestamp"] ?? "") || lastSeen(event);
  const count = event["count"] ?? 1;
  return count > 1 ? `${age} (x${count} over ${humanAge(now - first)})` : age;
}
