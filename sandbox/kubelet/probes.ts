/** Readiness, liveness and startup probes: real requests to the pod's own address. */
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { connect } from "node:net";
import { withOwnSignal } from "../../src/async/own-signal.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { KubeFields } from "../../src/ports/kubernetes.ts";

export type ProbeResult =
  | { readonly kind: "success" }
  | { readonly kind: "failure"; readonly detail: string }
  /** The sandbox cannot do what the probe asks for, and lets it pass. */
  | { readonly kind: "unsupported"; readonly detail: string };

export interface ProbeTarget {
  readonly address: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
}

export interface ProbeLoop {
  readonly probe: KubeFields;
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Every failed or unsupported attempt. */
  readonly onAttempt: (result: ProbeResult) => void;
  /** The verdict changed, after successThreshold or failureThreshold attempts in a row. @returns false ends the loop */
  readonly onVerdict: (healthy: boolean) => boolean;
}

/** Sleeps; false when the signal ended it. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/**
 * Probes until the signal is aborted or the verdict is final. The first attempt comes right after the initial delay.
 */
export async function runProbe({ probe, target, clock, signal, onAttempt, onVerdict }: ProbeLoop): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const initialMs = (probe.initialDelaySeconds ?? 0) * 1000;
  if (initialMs > 0 && !(await pause(clock, initialMs, signal))) return;
  let verdict: boolean | undefined;
  let streak = 0;
  let last: boolean | undefined;
  while (!signal.aborted) {
    const result = await withOwnSignal(signal, (own) => check(probe, target, own));
    if (signal.aborted) return;
    const passed = result.kind !== "failure";
    if (result.kind !== "success") onAttempt(result);
    streak = passed === last ? streak + 1 : 1;
    last = passed;
    const threshold = passed ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (streak >= threshold && verdict !== passed) {
      verdict = passed;
      if (!onVerdict(passed)) return;
    }
    if (!(await pause(clock, periodMs, signal))) return;
  }
}

/** One attempt. Never throws. */
export function check(probe: KubeFields, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.httpGet) {
    const { host, path = "/", port, scheme = "HTTP", httpHeaders = [] } = probe.httpGet;
    const number = portNumber(port, target);
    if (number === undefined) return failed(`couldn't find port: "${port}"`);
    const headers = Object.fromEntries(httpHeaders.map((h: KubeFields) => [h.name, h.value]));
    const url = { host: host || target.address, port: number, path: path.startsWith("/") ? path : `/${path}` };
    return httpCheck({ ...url, headers, secure: scheme === "HTTPS" }, timeoutMs, signal);
  }
  if (probe.tcpSocket) {
    const number = portNumber(probe.tcpSocket.port, target);
    if (number === undefined) return failed(`couldn't find port: "${probe.tcpSocket.port}"`);
    return tcpCheck(probe.tcpSocket.host || target.address, number, timeoutMs, signal);
  }
  if (probe.exec) return execCheck(probe.exec.command ?? [], target, timeoutMs, signal);
  return Promise.resolve({
    kind: "unsupported",
    detail: "the sandbox does not run gRPC probes: the probe counts as passed",
  });
}

function failed(detail: string): Promise<ProbeResult> {
  return Promise.resolve({ kind: "failure", detail });
}

function portNumber(port: unknown, target: ProbeTarget): number | undefined {
  if (typeof port === "number") return port;
  if (/^\d+$/.test(String(port))) return Number(port);
  return target.ports.find((entry) => entry.name === port)?.containerPort;
}

interface HttpCheck {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly secure: boolean;
}

function httpCheck(to: HttpCheck, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  const url = `${to.secure ? "https" : "http"}://${to.host}:${to.port}${to.path}`;
  return new Promise((resolve) => {
    const headers = { "User-Agent": "kube-probe/1.33", Accept: "*/*", Connection: "close", ...to.headers };
    const options = { host: to.host, port: to.port, path: to.path, headers, agent: false as const };
    const outgoing = to.secure ? secureRequest({ ...options, rejectUnauthorized: false }) : request(options);
    let late = false;
    // A timer that ends with the probe: most of the work of a sandbox at rest are its probes.
    const timer = setTimeout(() => {
      late = true;
      outgoing.destroy();
    }, timeoutMs);
    const abort = () => outgoing.destroy();
    signal.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
    outgoing.once("response", (response) => {
      response.resume();
      const code = response.statusCode ?? 0;
      if (code >= 200 && code < 400) resolve({ kind: "success" });
      else resolve({ kind: "failure", detail: `HTTP probe failed with statuscode: ${code}` });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      const detail = late
        ? `Get "${url}": context deadline exceeded (no answer within ${timeoutMs / 1000} s)`
        : `Get "${url}": dial tcp ${to.host}:${to.port}: ${error.code ?? error.message}`;
      resolve({ kind: "failure", detail });
    });
    if (signal.aborted) abort();
    outgoing.end();
  });
}

function tcpCheck(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal, timeout: timeoutMs });
    const done = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => done({ kind: "success" }));
    socket.on("timeout", () => done({ kind: "failure", detail: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      done({ kind: "failure", detail: `dial tcp ${host}:${port}: ${error.code ?? error.message}` }),
    );
  });
}

/**
 * There is no shell in the sandbox. Commands that ask a port of their own pod (curl, wget, `podcli check http` and
 * `podcli check tcp`) are understood and asked for real; `false` and `exit N` do what they say; all else passes.
 */
function execCheck(
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const text = command.join(" ");
  const url = /(?:(https?):\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(\/[^\s"'|;&]*)?/.exec(text);
  const [, scheme, port, path] = url ?? [];
  if (url !== null && /\bpodcli check tcp\b/.test(text))
    return tcpCheck(target.address, Number(port), timeoutMs, signal);
  if (url !== null && /\b(curl|wget|podcli check http)\b/.test(text)) {
    const secure = scheme === "https";
    const to = {
      host: target.address,
      port: Number(port ?? (secure ? 443 : 80)),
      path: path ?? "/",
      headers: {},
      secure,
    };
    return httpCheck(to, timeoutMs, signal);
  }
  const exit = /^(?:sh -c )?exit (\d+)$/.exec(text)?.[1];
  if (text === "true" || exit === "0") return Promise.resolve({ kind: "success" });
  if (text === "false" || exit !== undefined) return failed(`command "${text}" exited with ${exit ?? 1}`);
  return Promise.resolve({
    kind: "unsupported",
    detail: `the sandbox cannot run the probe command "${text}": the probe counts as passed`,
  });
}
