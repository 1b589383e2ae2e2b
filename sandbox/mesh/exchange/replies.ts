/** What the mesh answers by itself, word for word as Envoy does. */

export interface Reply {
  readonly code: number;
  /** Envoy's response flags. */
  readonly flags: string;
  readonly text: string;
}

export const NO_ROUTE: Reply = { code: 404, flags: "NR", text: "" };
export const NO_CLUSTER: Reply = { code: 503, flags: "NC", text: "" };
export const NO_HEALTHY: Reply = { code: 503, flags: "UH", text: "no healthy upstream" };
export const TIMEOUT: Reply = { code: 504, flags: "UT", text: "upstream request timeout" };
export const BAD_REQUEST: Reply = { code: 400, flags: "DPE", text: "Bad Request" };

export const FAULT_BODY = "fault filter abort";

export const OVERFLOW: Reply = {
  code: 503,
  flags: "UO",
  text: "upstream connect error or disconnect/reset before headers. reset reason: overflow",
};

/** @param exhausted whether retries were used up */
export function unreachable(kind: "connect" | "reset", reason: string, exhausted: boolean): Reply {
  const flag = kind === "connect" ? "UF" : "UC";
  return {
    code: 503,
    flags: exhausted ? `${flag},URX` : flag,
    text: `upstream connect error or disconnect/reset before headers. ${exhausted ? "retried and the latest " : ""}reset reason: ${reason}`,
  };
}
