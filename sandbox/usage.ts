/**
 * What pods use, for autoscalers. All pods share one process, so their CPU cannot be measured one by one: it is
 * modelled from what each of them is asked. Requests are real; the price of one is an assumption.
 */
import type { PodUsage, UsageSource } from "./controllers/index.ts";
import type { Mesh } from "./mesh/index.ts";

export interface UsageOptions {
  /** Thousandths of a CPU that one request per second costs; 4 when absent: 250 requests per second fill a CPU. */
  readonly cpuMillisPerRequest?: number;
  /** Milliseconds, never going back; performance.now() when absent. */
  readonly now?: () => number;
  /** Calls back about once a second. @returns stops. A timer when absent. */
  readonly every?: (listener: () => void) => () => void;
}

/** Everything an autoscaler asks: usage, and when there is news of it. */
export interface Usage {
  /** The latest rates; undefined until a pod has been seen twice. */
  readonly usage: UsageSource;
  /** Calls back after each sample. @returns stops */
  tick(listener: () => void): () => void;
  stop(): void;
}

const SAMPLE_MS = 1_000;
const CPU_MILLIS_PER_REQUEST = 4;
/** Rates are smoothed over about this long, so that an autoscaler does not follow every flicker. */
const WINDOW_MS = 5_000;

interface Sample {
  readonly requests: number;
  readonly perSecond: number | undefined;
}

/** Samples the mesh once a second. */
export function createUsageSource(mesh: Pick<Mesh, "requestsByPod">, options: UsageOptions = {}): Usage {
  const { cpuMillisPerRequest = CPU_MILLIS_PER_REQUEST, now = () => performance.now(), every = eachSecond } = options;
  const listeners = new Set<() => void>();
  let samples: ReadonlyMap<string, Sample> = new Map();
  let sampledAt = now();
  const sample = () => {
    const at = now();
    const elapsed = at - sampledAt;
    if (elapsed <= 0) return;
    sampledAt = at;
    samples = sampled(samples, mesh.requestsByPod(), elapsed);
    for (const listener of listeners) listener();
  };
  const stop = every(sample);
  return {
    usage: (namespace, pod): PodUsage | undefined => {
      const perSecond = samples.get(`${namespace}/${pod}`)?.perSecond;
      if (perSecond === undefined) return undefined;
      return { requestsPerSecond: perSecond, cpuMillis: perSecond * cpuMillisPerRequest };
    },
    tick: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: () => {
      listeners.clear();
      stop();
    },
  };
}

function sampled(
  before: ReadonlyMap<string, Sample>,
  totals: ReadonlyMap<string, number>,
  elapsedMs: number,
): ReadonlyMap<string, Sample> {
  const weight = 1 - Math.exp(-elapsedMs / WINDOW_MS);
  const samples = new Map<string, Sample>();
  for (const [pod, requests] of totals) {
    const last = before.get(pod);
    // A pod of the same name may have been created again: then it has had fewer requests than before.
    if (last === undefined || requests < last.requests) {
      samples.set(pod, { requests, perSecond: undefined });
      continue;
    }
    const current = ((requests - last.requests) * 1000) / elapsedMs;
    const perSecond = last.perSecond === undefined ? current : last.perSecond + weight * (current - last.perSecond);
    samples.set(pod, { requests, perSecond });
  }
  return samples;
}

function eachSecond(listener: () => void): () => void {
  const timer = setInterval(listener, SAMPLE_MS);
  timer.unref();
  return () => clearInterval(timer);
}
