/** The `ngrinder` task: clones a test on an nGrinder server, starts it and follows it to its end. */
import { request } from "undici";
import { deadline } from "../async/deadline.ts";
import { errorText } from "../error-text.ts";
import { parseDuration } from "../go/duration.ts";
import { textWithin } from "../net/outbound.ts";
import { canaryOf, type TaskPayload } from "./payload.ts";
import type { PreparedTask, TaskPorts } from "./prepared-task.ts";

const POLL_EVERY_MS = 1000;
const LONGEST_ANSWER = 1024 * 1024;
const STOP_WITHIN_MS = 10_000;
const FAILED = new Set(["STOP_BY_ERROR", "CANCELED", "UNKNOWN"]);

interface Server {
  readonly url: URL;
  readonly authorization: string;
}

interface Job extends Server {
  readonly clone: number;
  readonly pollMs: number;
}

export function prepareNgrinder(ports: TaskPorts, payload: TaskPayload): Promise<PreparedTask> {
  const job = jobFrom(payload.metadata);
  if (typeof job === "string") return Promise.resolve({ kind: "invalid", message: job });
  const canary = canaryOf(payload);
  const title = `ngrinder test ${job.clone} on ${job.url.origin}`;
  const run = async (signal: AbortSignal): Promise<void> => {
    try {
      const id = await start(ports, job, signal);
      await follow(ports, job, id, signal);
      ports.log.info({ canary }, `command finished ${title}`);
    } catch (error) {
      const text = errorText(error);
      ports.log.error({ canary }, `command failed ${title} ${text}`);
    }
  };
  return Promise.resolve({ kind: "queued", task: { id: `${canary} ngrinder ${job.clone}`, canary, title, run } });
}

function jobFrom(metadata: Readonly<Record<string, string>>): Job | string {
  const { server = "", clone = "", username = "", passwd = "", pollInterval = "" } = metadata;
  if (server === "" || clone === "" || username === "" || passwd === "") {
    return "server, clone, username and passwd are required metadata";
  }
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined) return `invalid url: parse "${server}"`;
  if (!/^[+-]?\d+$/.test(clone)) return `metadata clone must be integer: parsing "${clone}": invalid syntax`;
  // Go ignores line ends in base64.
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(passwd.replace(/[\r\n]/g, ""))) {
    return "metadata password is invalid: illegal base64 data";
  }
  const pollMs = pollInterval === "" ? POLL_EVERY_MS : parseDuration(pollInterval);
  if (typeof pollMs !== "number") return `metadata pollInterval is invalid: ${pollMs.message}`;
  if (pollMs <= 0) return `metadata pollInterval is invalid: "${pollInterval}" is not above zero`;
  const userinfo = `${username}:${Buffer.from(passwd, "base64").toString("utf8")}`;
  return { url, authorization: `Basic ${Buffer.from(userinfo).toString("base64")}`, clone: Number(clone), pollMs };
}

async function start(ports: TaskPorts, job: Job, signal: AbortSignal): Promise<number | string> {
  const answer = await call(ports, job, "POST", `perftest/api/${job.clone}/clone_and_start`, signal);
  const { id } = answer;
  if (typeof id !== "number" && typeof id !== "string") {
    throw new Error(`ngrinder did not say the id of the started test: ${JSON.stringify(answer)}`);
  }
  return id;
}

/** Resolves when the test has finished well. When the time is up, the server is told to stop the test. */
async function follow(ports: TaskPorts, job: Job, id: number | string, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await ports.clock.sleep(job.pollMs, signal);
      const answer = await call(ports, job, "GET", `perftest/api/${id}/status`, signal);
      const status = statusOf(answer);
      if (status === "FINISHED") return;
      if (status !== undefined && FAILED.has(status)) throw new Error(`ngrinder test ${id} ended with ${status}`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    const limit = deadline(ports.clock, STOP_WITHIN_MS);
    try {
      await call(ports, job, "PUT", `perftest/api/${id}?action=stop`, limit.signal);
    } finally {
      limit.clear();
    }
    throw new Error(`ngrinder test ${id} did not finish in time and was stopped`);
  }
}

function statusOf(answer: Readonly<Record<string, unknown>>): string | undefined {
  const [first] = Array.isArray(answer.status) ? (answer.status as unknown[]) : [];
  if (typeof first !== "object" || first === null) return undefined;
  const { status_id: status } = first as { status_id?: unknown };
  return typeof status === "string" ? status : undefined;
}

async function call(
  ports: TaskPorts,
  server: Server,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const url = new URL(path, server.url);
  const { dispatcher } = ports;
  const response = await request(url, { dispatcher, method, headers: { authorization: server.authorization }, signal });
  const text = await textWithin(response.body, LONGEST_ANSWER);
  const said = `ngrinder ${method} ${url.pathname} answered ${response.statusCode}`;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`${said} without JSON: ${text.slice(0, 200)}`);
  }
  if (typeof answer !== "object" || answer === null) throw new Error(`${said} without an object`);
  const fields = answer as Readonly<Record<string, unknown>>;
  if (fields.success === false || response.statusCode >= 400) {
    throw new Error(`${said}: ${String(fields.message ?? text.slice(0, 200))}`);
  }
  return fields;
}
