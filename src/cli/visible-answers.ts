/**
 * What a cluster answers, for a terminal. Tenants write annotations, events and conditions; a terminal obeys the
 * control characters in them: it would clear the screen, set its title or hide a line. So no command prints such a
 * character.
 */
import type { KubeTransport } from "../kube/transport.ts";
import { visible } from "../net/show.ts";
import { KubeError } from "../ports/kube.ts";
import type { KubeFields } from "../ports/kubernetes.ts";

export function visibleAnswers(transport: KubeTransport): KubeTransport {
  return {
    server: transport.server,
    get load() {
      return transport.load;
    },
    get aheadMs() {
      return transport.aheadMs;
    },
    send: (request, signal) => transport.send(request, signal).then(visibleFields, refuse),
    stream: (request, signal) => transport.stream(request, signal).then(visibleLines, refuse),
    close: () => transport.close(),
  };
}

async function* visibleLines(lines: AsyncIterable<KubeFields>): AsyncGenerator<KubeFields> {
  for await (const line of lines) yield visibleFields(line);
}

const visibleFields = (fields: KubeFields): KubeFields => visibleValue(fields) as KubeFields;

/** @returns the very value when nothing in it is obeyed */
function visibleValue(value: unknown): unknown {
  if (typeof value === "string") return visible(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value.map(visibleValue);
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  const old = Object.entries(value);
  const entries = old.map(([key, item]) => [visible(key), visibleValue(item)] as const);
  return entries.every(([key, item], i) => key === old[i]?.[0] && item === old[i]?.[1])
    ? value
    : Object.fromEntries(entries);
}

/** @throws the error, with a message that a terminal does not obey */
function refuse(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  throw new KubeError(error.code, error.reason, visible(error.message), error.details, { cause: error.cause });
}
