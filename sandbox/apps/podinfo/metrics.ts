/**
 * podinfo's own metrics: how long requests took, by method, path and status. Recording happens on every request, so a
 * series is found with two map look-ups and counted into a plain array; text is made only for a scrape.
 */

/** Upper bounds in seconds: the Prometheus client's defaults. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface RequestMetrics {
  /** @param route e.g. "status_code" @param seconds how long the answer took */
  observe(method: string, route: string, status: number, seconds: number): void;
  /** The Prometheus text format. */
  text(): string;
}

interface Series {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly counts: number[];
  sum: number;
  count: number;
}

/** @param startedMs when the process started, milliseconds since 1970 @param openConnections now */
export function requestMetrics(startedMs: number, openConnections: () => number): RequestMetrics {
  const byRoute = new Map<string, Map<number, Series>>();
  const find = (method: string, route: string, status: number): Series => {
    const id = method === "GET" ? route : `${method} ${route}`;
    const statuses = byRoute.get(id) ?? new Map<number, Series>();
    if (statuses.size === 0) byRoute.set(id, statuses);
    const known = statuses.get(status);
    if (known !== undefined) return known;
    const counts = new Array<number>(BUCKETS.length).fill(0);
    const series = { method, route, status, counts, sum: 0, count: 0 };
    statuses.set(status, series);
    return series;
  };
  return {
    observe: (method, route, status, seconds) => {
      const series = find(method, route, status);
      let bucket = 0;
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? 0)) bucket += 1;
      if (bucket < BUCKETS.length) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
      series.sum += seconds;
      series.count += 1;
    },
    text: () => {
      const all = [...byRoute.values()].flatMap((statuses) => [...statuses.values()]);
      return `${histogram(all)}${counter(all)}${processMetrics(startedMs, openConnections())}`;
    },
  };
}

function histogram(all: readonly Series[]): string {
  const name = "http_request_duration_seconds";
  const lines = [`# HELP ${name} Seconds spent serving HTTP requests.`, `# TYPE ${name} histogram`];
  for (const { method, route, status, counts, sum, count } of all) {
    const labels = `method="${method}",path="${route}",status="${status}"`;
    let below = 0;
    BUCKETS.forEach((bound, i) => {
      below += counts[i] ?? 0;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${below}`);
    });
    lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
    lines.push(`${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`);
  }
  return `${lines.join("\n")}\n`;
}

function counter(all: readonly Series[]): string {
  const name = "http_requests_total";
  const totals = new Map<number, number>();
  for (const { status, count } of all) totals.set(status, (totals.get(status) ?? 0) + count);
  const lines = [`# HELP ${name} The total number of HTTP requests.`, `# TYPE ${name} counter`];
  for (const [status, count] of totals) lines.push(`${name}{status="${status}"} ${count}`);
  return `${lines.join("\n")}\n`;
}

/** Of the whole sandbox process: pods have no process of their own. */
function processMetrics(startedMs: number, openConnections: number): string {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const gauges: readonly (readonly [name: string, type: string, help: string, value: number])[] = [
    ["process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", (user + system) / 1e6],
    ["process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", rss],
    ["process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", startedMs / 1000],
    ["go_memstats_alloc_bytes", "gauge", "Number of bytes allocated and still in use.", heapUsed],
    ["go_goroutines", "gauge", "Number of goroutines that currently exist.", openConnections + 1],
  ];
  return gauges
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join("");
}
