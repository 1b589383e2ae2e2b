/** The payload of a Canary's webhook: only the fields that the load tester reads. */

export interface TaskPayload {
  readonly name: string;
  readonly namespace: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** "name.namespace", as logs and gates name it. */
export function canaryOf(payload: Pick<TaskPayload, "name" | "namespace">): string {
  return `${payload.name}.${payload.namespace}`;
}

/** @returns undefined when the text is not the JSON of a payload */
export function parsePayload(text: string): TaskPayload | undefined {
  const value = parsed(text);
  if (value === null) return { name: "", namespace: "", metadata: {} };
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const { name, namespace, metadata } = value as Readonly<Record<string, unknown>>;
  const [ownName, ownNamespace, ownMetadata] = [textOf(name), textOf(namespace), textsOf(metadata)];
  if (ownName === undefined || ownNamespace === undefined || ownMetadata === undefined) return undefined;
  return { name: ownName, namespace: ownNamespace, metadata: ownMetadata };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // For every fault the answer is 400 without a text.
  }
}

/** Go leaves a field at its zero value when it is absent or null. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : undefined;
}

function textsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const texts: [string, string][] = [];
  for (const [key, given] of Object.entries(value)) {
    const text = textOf(given);
    if (text === undefined) return undefined;
    texts.push([key, text]);
  }
  return Object.fromEntries(texts);
}
