/** Splunk Observability: a SignalFlow program, run over a window of the past, streamed over a WebSocket. */
import { WebSocket } from "undici";
import { errorText } from "../../error-text.ts";
import { parseBounded } from "../../json/bounded-json.ts";
import { causeOf, clean, show } from "../../net/show.ts";
import { ask } from "../http.ts";
import { MetricError, MULTIPLE_VALUES, NO_VALUES } from "../metric-error.ts";
import {
  connection,
  credential,
  noData,
  outbound,
  type Provider,
  type ProviderOptions,
  value,
  windowMs,
} from "../provider.ts";
import { type DataPoint, dataPoints } from "./signalflow.ts";

const STREAM_PATH = "/v2/signalflow";
const VALIDATION_PATH = "/v2/metric?limit=1";
const CHANNEL = "ch-1";
/** Time limits: until the program runs, and for everything. */
const TIMEOUT_MS = 5_000;
const LONGEST_MS = 30_000;
const LARGEST_ANSWER = 1024 * 1024;

export const splunk: Provider = (options) => {
  if (options.address === "") throw new MetricError("splunk endpoint is not set");
  // https://api.REALM.signalfx.com, whose stream is at wss://stream.REALM.signalfx.com
  const streamUrl = `${options.address}${STREAM_PATH}`.replace("http", "ws").replace("api", "stream");
  const validationUrl = `${options.address}${VALIDATION_PATH}`.replace("ws", "http").replace("stream", "api");
  if (!URL.canParse(streamUrl)) throw new MetricError(`splunk address ${show(options.address)} is not a valid URL`);
  const token = credential(options, "sf_token_key", "splunk credentials does not contain sf_token_key");
  const window = windowMs(options);
  return {
    type: options.type,
    async measure(program, signal) {
      const stop = options.clock.now();
      const job = { streamUrl, token, program, start: Math.trunc(stop - window), stop };
      const last = await runProgram(job, options, signal);
      return last === undefined ? noData(`invalid response: ${NO_VALUES}`) : value(last.value);
    },
    async online(signal) {
      const asked = { url: validationUrl, headers: { "X-SF-Token": token } };
      const { status, said } = await ask(asked, outbound(options, signal));
      if (status !== 200) throw new MetricError(`error response: ${said}`);
    },
  };
};

interface Job {
  readonly streamUrl: string;
  readonly token: string;
  readonly program: string;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly stop: number;
}

/** The last point. @throws MetricError; the signal's reason when it is aborted */
async function runProgram(job: Job, options: ProviderOptions, signal: AbortSignal): Promise<DataPoint | undefined> {
  signal.throwIfAborted();
  const socket = new WebSocket(job.streamUrl, { dispatcher: connection(options) });
  socket.binaryType = "arraybuffer";
  const over = new AbortController();
  const after = (ms: number, then: () => void) => void options.clock.sleep(ms, over.signal).then(then, () => undefined);
  try {
    return await new Promise((resolve, reject) => {
      let last: DataPoint | undefined;
      let received = 0;
      let started = false;
      const fail = (why: string) => reject(new MetricError(`error executing query: ${clean(why)}`));
      const listen = { signal: over.signal };
      const send = (message: object) => socket.send(JSON.stringify(message));
      signal.addEventListener("abort", () => reject(signal.reason), listen);
      after(TIMEOUT_MS, () => started || fail(`no answer within ${TIMEOUT_MS / 1000}s`));
      after(LONGEST_MS, () => fail(`not over within ${LONGEST_MS / 1000}s`));
      socket.addEventListener(
        "open",
        () => send({ type: "authenticate", token: job.token, userAgent: "aviary" }),
        listen,
      );
      socket.addEventListener("error", ({ error }) => fail(causeOf(error)), listen);
      socket.addEventListener(
        "close",
        ({ code, reason }) => fail(`the connection was closed: ${code} ${reason}`),
        listen,
      );
      socket.addEventListener(
        "message",
        ({ data }) => {
          try {
            received += data instanceof ArrayBuffer ? data.byteLength : String(data).length;
            if (received > LARGEST_ANSWER) fail(`the answer is longer than ${LARGEST_ANSWER} bytes`);
            else if (data instanceof ArrayBuffer) last = lastOf(dataPoints(Buffer.from(data)), last);
            else {
              const message = textMessage(String(data));
              if (message.kind === "authenticated") send(executeRequest(job));
              if (message.kind === "started") started = true;
              if (message.kind === "failed") fail(message.why);
              if (message.kind === "ended") resolve(last);
            }
          } catch (error) {
            if (error instanceof MetricError) reject(error);
            else fail(errorText(error));
          }
        },
        listen,
      );
    });
  } finally {
    over.abort();
    // An error while closing does not matter any more.
    socket.addEventListener("error", () => undefined);
    socket.close();
  }
}

/** A check uses one series. @throws MetricError */
function lastOf(points: readonly DataPoint[], before: DataPoint | undefined): DataPoint | undefined {
  const series = before?.series ?? points[0]?.series;
  if (points.some((point) => point.series !== series)) throw new MetricError(`invalid response: ${MULTIPLE_VALUES}`);
  return points.at(-1) ?? before;
}

function executeRequest({ program, start, stop }: Job): object {
  return {
    type: "execute",
    channel: CHANNEL,
    program,
    start,
    stop,
    resolution: 0,
    maxDelay: 0,
    immediate: true,
    timezone: "",
  };
}

type TextMessage =
  | { readonly kind: "authenticated" | "started" | "ended" | "other" }
  | { readonly kind: "failed"; readonly why: string };

/** @throws Error when it is no JSON that can be read */
function textMessage(text: string): TextMessage {
  const message = parseBounded(text) as Readonly<Record<string, unknown>> | null;
  switch (message?.type) {
    case "authenticated":
      return { kind: "authenticated" };
    case "error":
      return { kind: "failed", why: String(message.message ?? message.error ?? text) };
    case "control-message":
      if (message.event === "STREAM_START" || message.event === "JOB_START") return { kind: "started" };
      if (message.event === "END_OF_CHANNEL") return { kind: "ended" };
      return message.event === "CHANNEL_ABORT" ? { kind: "failed", why: `the channel was aborted: ${text}` } : OTHER;
    default:
      return OTHER;
  }
}

const OTHER = { kind: "other" } as const;
