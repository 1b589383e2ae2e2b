/** nginx counts nothing by itself: its access log is read, and counted under the names of ingress-nginx. */
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { labelsText } from "../../prometheus/exposition.ts";
import {
  addValue,
  NGINX_BOUNDS as BOUNDS,
  emptyHistogram,
  type Histogram,
  pushHistogram,
} from "../../prometheus/histogram.ts";
import type { AccessLine } from "./config.ts";

export interface AccessCounter {
  count(line: AccessLine): void;
  /** Prometheus' text format. */
  exposition(): string;
}

const REQUESTS = "nginx_ingress_controller_requests";
const HISTOGRAMS = [
  ["nginx_ingress_controller_request_duration_seconds", "request"],
  ["nginx_ingress_controller_response_duration_seconds", "response"],
] as const;

interface Series {
  /** As text, without braces. */
  readonly labels: string;
  requests: number;
  readonly request: Histogram;
  readonly response: Histogram;
}

export function createAccessCounter(): AccessCounter {
  const series = new Map<string, Series>();
  return {
    count: ({ request, response, ...names }) => {
      // A request that no Ingress claims is not counted.
      if (names.ingress === "") return;
      const labels = labelsText(Object.entries(names).map(([name, value]) => ({ name, value })));
      const found = series.get(labels) ?? newSeries(labels);
      series.set(labels, found);
      found.requests += 1;
      add(found.request, Number(request));
      // After tries with several pods the times stand in a row: all of them are the pods' time.
      const times = response
        .split(/, | : /)
        .map(Number)
        .filter(Number.isFinite);
      if (times.length > 0)
        add(
          found.response,
          times.reduce((sum, time) => sum + time, 0),
        );
    },
    exposition: () => expose([...series.values()]),
  };
}

const newSeries = (labels: string): Series => ({
  labels,
  requests: 0,
  request: emptyHistogram(BOUNDS),
  response: emptyHistogram(BOUNDS),
});

function add(to: Histogram, seconds: number): void {
  if (Number.isFinite(seconds)) addValue(to, BOUNDS, seconds);
}

function expose(series: readonly Series[]): string {
  const lines = [`# TYPE ${REQUESTS} counter`];
  for (const { labels, requests } of series) lines.push(`${REQUESTS}{${labels}} ${requests}`);
  for (const [name, field] of HISTOGRAMS) {
    lines.push(`# TYPE ${name} histogram`);
    for (const { labels, [field]: values } of series) pushHistogram(lines, name, labels, BOUNDS, values);
  }
  return `${lines.join("\n")}\n`;
}

export interface LogReader {
  /** Lines that were written since the last call. */
  read(): readonly string[];
  close(): void;
}

const CHUNK = 256 * 1024;
/** Then the log is begun anew, so that it does not fill the disk. */
const LARGEST_BYTES = 8 * 1024 * 1024;

/** @param reopen tells the writer that the file has been moved away */
export function readLog(file: string, reopen: () => void): LogReader {
  let handle = openSync(file, "a+");
  let offset = 0;
  let rest = "";
  let moved = false;
  const buffer = Buffer.alloc(CHUNK);
  const takeAll = (): string => {
    const parts: string[] = [];
    for (;;) {
      const length = readSync(handle, buffer, 0, CHUNK, offset);
      if (length === 0) return parts.join("");
      offset += length;
      parts.push(buffer.toString("latin1", 0, length));
    }
  };
  return {
    read: () => {
      let text = rest + takeAll();
      if (moved) {
        // The writer has had a whole turn to notice: what it writes now is in the new file.
        closeSync(handle);
        rmSync(`${file}.old`, { force: true });
        handle = openSync(file, "a+");
        [offset, moved] = [0, false];
        text += takeAll();
      } else if (fstatSync(handle).size > LARGEST_BYTES) {
        renameSync(file, `${file}.old`);
        reopen();
        moved = true;
      }
      const lines = text.split("\n");
      rest = lines.pop() ?? "";
      return lines.filter((line) => line !== "");
    },
    close: () => closeSync(handle),
  };
}
