/**
 * Runs as traces for OpenTelemetry, sent by OTLP/HTTP as JSON when a run has ended. Tracing never steers: a collector
 * that is away costs traces and one line in the log.
 */
import { canaryKey } from "../../core/spec/spec.ts";
import { exchange } from "../../net/outbound.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";
import { beginTrace, type RunTrace, type Span, spansOf, traceTurn } from "./spans.ts";

export interface TracesOptions {
  /** The collector, e.g. "http://otel-collector:4318": OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface TracesRecorder extends Recorder {
  /** Resolves when everything so far is sent or given up. */
  flush(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const LONGEST_ANSWER = 4096;
/** Traces that wait for the collector; more of them are dropped. */
const MOST_WAITING = 100;

/** @throws Error when the endpoint is no URL */
export function createTracesRecorder({ endpoint, version, clock, log, signal }: TracesOptions): TracesRecorder {
  const url = new URL("v1/traces", endpoint.endsWith("/") ? endpoint : `${endpoint}/`);
  const traces = new Map<string, RunTrace>();
  let sending: Promise<void> = Promise.resolve();
  let waiting = 0;

  async function send(spans: readonly Span[]): Promise<void> {
    try {
      const body = JSON.stringify(requestOf(spans, version));
      const asked = { url, method: "POST", headers: { "content-type": "application/json" }, body } as const;
      const limits = {
        timeoutMs: TIMEOUT_MS,
        longestBody: LONGEST_ANSWER,
        whenLonger: "cut",
        redirects: "own",
      } as const;
      const { status } = await exchange({ ...asked, ...limits }, { clock, dispatcher: undefined, signal });
      if (status >= 300) log.warn({ status }, "the trace of a release was not accepted by the collector");
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "the trace of a release cannot be sent");
    } finally {
      waiting -= 1;
    }
  }

  return {
    record(turn) {
      const { canary, input, transition } = turn;
      const key = canaryKey(canary.ref);
      const { run, cause } = transition.status;
      const known = traces.get(key);
      const ended = cause ?? transition.cause;
      if (known !== undefined && (known.id !== run?.id || cause !== undefined)) {
        traces.delete(key);
        const spans = spansOf(traceTurn(known, turn), input.now, ended);
        if (waiting >= MOST_WAITING) {
          log.warn({ canary: key }, "the trace of a release is dropped: the collector does not keep up");
        } else {
          waiting += 1;
          sending = sending.then(() => send(spans));
        }
      }
      if (run === undefined || cause !== undefined) return;
      const trace = traces.get(key) ?? beginTrace(turn);
      if (trace !== undefined) traces.set(key, traceTurn(trace, turn));
    },
    announce() {},
    forget: (ref) => void traces.delete(canaryKey(ref)),
    flush: () => sending,
  };
}

function requestOf(spans: readonly Span[], version: string): object {
  const resource = {
    attributes: [
      { key: "service.name", value: { stringValue: "aviary" } },
      { key: "service.version", value: { stringValue: version } },
    ],
  };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "aviary", version }, spans }] }] };
}
