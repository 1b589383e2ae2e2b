/** What the operator sends to a webhook, byte for byte as Flagger does: key order, sorted metadata, Go's escapes. */

import { compareUtf8 } from "../go/hash/fnv.ts";

export interface HookPayload {
  readonly name: string;
  readonly namespace: string;
  readonly phase: string;
  readonly checksum: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An event as the event webhook gets it. */
export interface HookEvent {
  readonly message: string;
  readonly type: "Normal" | "Warning";
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029" },
};

/** Compact JSON. Metadata is left out when there is none. */
export function encodePayload(payload: HookPayload): string {
  const { name, namespace, phase, checksum } = payload;
  // Built as a string, because JavaScript objects sort integer-like keys first.
  const entries = Object.entries(payload.metadata ?? {})
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const head = JSON.stringify({ name, namespace, phase, checksum });
  const json = entries.length === 0 ? head : `${head.slice(0, -1)},"metadata":{${entries.join(",")}}}`;
  return json.replaceAll(/[<>&\u2028\u2029]/g, (char) => ESCAPES[char] ?? char);
}

/** The payload that announces an event; the hook's own metadata never overrides what describes the event. */
export function eventPayload(
  subject: Omit<HookPayload, "metadata">,
  event: HookEvent,
  hookMetadata: Readonly<Record<string, string>> = {},
): HookPayload {
  const described = { eventMessage: event.message, eventType: event.type, timestamp: String(Math.trunc(event.at)) };
  return { ...subject, metadata: { ...hookMetadata, ...described } };
}
