/**
 * What a cluster answers and what files hold, for a terminal. Tenants write annotations, events and conditions, and
 * strangers propose changes of files; a terminal obeys the control characters in them: it would clear the screen, set
 * its title or hide a line. So no command prints such a character.
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
    serverClock: transport.serverClock,
    send: (request, signal) => transport.send(request, signal).then(visibleFields, refuse),
    stream: (request, signal) => transport.stream(request, signal).then(visibleLines, refuse),
    close: () => transport.close(),
  };
}

async function* visibleLines(lines: AsyncIterable<KubeFields>): AsyncGenerator<KubeFields> {
  for await (const line of lines) yield visibleFields(line);
}

/** @returns the very fields when nothing in them is obeyed, as in nearly every answer */
export const visibleFields = (fields: KubeFields): KubeFields => (isPlain(fields) ? fields : cleaned(fields));

/** Makes nothing, because a command that lists thousands of objects looks at each of their fields. */
function isPlain(value: unknown): boolean {
  if (typeof value === "string") return visible(value) === value;
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const key in value) {
    if (!isPlain(key) || !isPlain((value as KubeFields)[key])) return false;
  }
  return true;
}

function cleaned(value: unknown): KubeFields {
  if (typeof value === "string") return visible(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(cleaned);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [visible(key), cleaned(item)]));
}

/** @throws the error, with a message that a terminal does not obey */
function refuse(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  throw new KubeError(error.code, error.reason, visible(error.message), error.details, { cause: error.cause });
}
