/** What telemetry records: the caller's proxy reports a whole exchange, the called pod's proxy every try. */
import type { ServiceName } from "../observations.ts";
import type { Member } from "../pools.ts";
import type { Exchange } from "./state.ts";

/** What was asked is no Service. */
export const NOWHERE: ServiceName = { host: "unknown", name: "unknown", namespace: "unknown", revision: false };

/** The exchange is over; its last try is part of this. */
export function reportExchange(exchange: Exchange): void {
  const { around, pool, member, view } = exchange;
  const pod = member?.target.pod;
  around.telemetry.observe({
    source: view.source,
    destination: pod?.workload,
    service: pool?.service ?? NOWHERE,
    code: exchange.status,
    flags: exchange.flags,
    seenBySource: true,
    seenByDestination: pod?.sidecar === true && !exchange.flags.includes("UF"),
    durationMs: performance.now() - exchange.startedAt,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    ...(exchange.destination?.ingress !== undefined && { ingress: exchange.destination.ingress }),
  });
}

/**
 * A try that failed and is repeated. The pod's own proxy saw it: without this a retry policy would hide a bad canary
 * from its analysis.
 * @param startedAt of the try, by performance.now()
 */
export function reportTry(exchange: Exchange, member: Member, code: number, flags: string, startedAt: number): void {
  const { around, pool, view, meshed } = exchange;
  const { pod } = member.target;
  if (!meshed || pool === undefined || pod?.sidecar !== true) return;
  around.telemetry.observe({
    source: view.source,
    destination: pod.workload,
    service: pool.service,
    code,
    flags,
    seenBySource: false,
    seenByDestination: true,
    durationMs: performance.now() - startedAt,
    requestBytes: exchange.requestBytes,
    responseBytes: 0,
  });
}
