/** Consistent hashing: requests with the same header, cookie, parameter or address go to the same pod. */
import { randomBytes } from "node:crypto";
import { hashText, type Pool } from "../pools.ts";
import type { Affinity, Exchange } from "./state.ts";

export function affinityOf({ request, view, door, meshed }: Exchange, pool: Pool): Affinity | undefined {
  const source = meshed ? pool.policy.hash : undefined;
  if (source === undefined) {
    return door.sticky() ? { hash: hashText(request.socket.remoteAddress ?? ""), cookie: undefined } : undefined;
  }
  const by = (value: string | null | undefined): Affinity => ({
    hash: value === undefined || value === null ? undefined : hashText(value),
    cookie: undefined,
  });
  switch (source.kind) {
    case "header": {
      const value = request.headers[source.name];
      return by(Array.isArray(value) ? value.join(",") : value);
    }
    case "query":
      return by(view.query === undefined ? undefined : new URLSearchParams(view.query).get(source.name));
    case "address":
      return by(request.socket.remoteAddress ?? "");
    case "cookie": {
      const known = cookieOf(request.headers.cookie, source.name);
      if (known !== undefined || source.ttlMs === undefined) return by(known);
      const fresh = randomBytes(8).toString("hex");
      const age = source.ttlMs > 0 ? `; Max-Age=${Math.trunc(source.ttlMs / 1000)}` : "";
      const path = source.path === "" ? "" : `; Path=${source.path}`;
      return { hash: hashText(fresh), cookie: `${source.name}="${fresh}"${age}${path}; HttpOnly` };
    }
  }
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
    return part
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}
