/**
 * The body of a request. Small ones are read whole before the request goes on, so that it can be repeated and mirrored;
 * large ones stream through.
 */
import type { IncomingMessage } from "node:http";

export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "whole"; readonly bytes: Buffer }
  /** `head` was read already; the rest is still in the request. */
  | { readonly kind: "stream"; readonly head: readonly Buffer[]; readonly length: string | undefined };

const WHOLE_UP_TO = 64 * 1024;
const NONE: Body = { kind: "none" };

/** Calls back at once when there is no body; not at all when the caller goes away first. */
export function takeBody(request: IncomingMessage, taken: (body: Body) => void) {
  const { headers } = request;
  const length = headers["content-length"];
  if (headers["transfer-encoding"] === undefined && (length === undefined || length === "0")) {
    request.resume();
    return taken(length === undefined ? NONE : { kind: "whole", bytes: Buffer.alloc(0) });
  }
  if (length !== undefined && Number(length) > WHOLE_UP_TO) return taken({ kind: "stream", head: [], length });
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= WHOLE_UP_TO) return;
    request.pause();
    request.off("data", onData);
    request.off("end", onEnd);
    taken({ kind: "stream", head: chunks, length: undefined });
  };
  const onEnd = () =>
    taken({ kind: "whole", bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) });
  request.on("data", onData);
  request.on("end", onEnd);
}
