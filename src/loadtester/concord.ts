/** The `concord` task: starts a process on a Concord server and waits for its end. */
import { readFile, stat } from "node:fs/promises";
import { FormData, request } from "undici";
import { deadline, TimeIsUp } from "../async/deadline.ts";
import { errorText } from "../error-text.ts";
import { textWithin } from "../net/outbound.ts";
import { canaryOf, type TaskPayload } from "./payload.ts";
import type { PreparedTask, TaskPorts } from "./prepared-task.ts";

const REQUIRED = ["server", "org", "project", "repo", "entrypoint", "apiKeyPath", "endpoint"] as const;
const LONGEST_ANSWER = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 60_000;
const ARGUMENT = "arguments.";

interface Job {
  readonly server: URL;
  readonly form: FormData;
  readonly apiKey: string;
  readonly pollIntervalMs: number;
  readonly pollTimeoutMs: number;
}

/** What is wrong with the metadata. */
class Refusal extends Error {}

export function prepareConcord(ports: TaskPorts, payload: TaskPayload): Promise<PreparedTask> {
  const canary = canaryOf(payload);
  const run = async (signal: AbortSignal) => {
    try {
      const job = await jobFrom(payload.metadata);
      const id = await start(ports, job, signal);
      ports.log.info({ canary }, `concord process ${id} started`);
      await follow(ports, job, id, signal);
      ports.log.info({ canary }, `command finished concord process ${id}`);
      return { output: "" };
    } catch (error) {
      const failure = errorText(error);
      ports.log.error({ canary }, `command failed concord ${failure}`);
      return { output: "", failure };
    }
  };
  return Promise.resolve({ kind: "awaited", run });
}

async function jobFrom(metadata: Readonly<Record<string, string>>): Promise<Job> {
  for (const key of REQUIRED) {
    if (metadata[key] === undefined) throw new Refusal(`\`${key}\` is required with type concord`);
  }
  const { server = "", apiKeyPath = "" } = metadata;
  if (!URL.canParse(server)) throw new Refusal(`\`server\` is not a URL: ${server}`);
  const isFile = await stat(apiKeyPath).then(
    () => true,
    () => false,
  );
  if (!isFile) throw new Refusal(`\`apiKeyPath\` file doesn't exist ${apiKeyPath}`);
  return {
    server: new URL("/api/v1/process", server),
    form: formFrom(metadata),
    apiKey: (await readFile(apiKeyPath, "utf8")).trim(), // Q83: editors end files with a newline.
    pollIntervalMs: secondsFrom(metadata, "pollInterval", 5),
    pollTimeoutMs: secondsFrom(metadata, "pollTimeout", 30),
  };
}

function formFrom(metadata: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  const add = (field: string, key: string) => form.append(field, metadata[key] ?? "");
  add("org", "org");
  add("project", "project");
  add("repo", "repo");
  add("entryPoint", "entrypoint");
  add("arguments.endpoint", "endpoint");
  for (const key of Object.keys(metadata).filter((name) => name.startsWith(ARGUMENT))) {
    if (key === `${ARGUMENT}endpoint`) {
      throw new Refusal("You cannot override Endpoint through arguments. You must override Endpoint directly");
    }
    add(key, key);
  }
  return form;
}

function secondsFrom(metadata: Readonly<Record<string, string>>, key: string, preset: number): number {
  const text = metadata[key];
  if (text === undefined) return preset * 1000;
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new Refusal(`unable to convert \`${key}\` to int`);
  return Number(text) * 1000;
}

async function start(ports: TaskPorts, job: Job, signal: AbortSignal): Promise<string> {
  const { instanceId } = await call(ports, job, job.server, job.form, signal);
  if (typeof instanceId !== "string") throw new Error("concord did not say the instanceId of the started process");
  return instanceId;
}

/** One deadline for the whole wait (Q82). */
async function follow(ports: TaskPorts, job: Job, id: string, signal: AbortSignal): Promise<void> {
  const limit = deadline(ports.clock, job.pollTimeoutMs, signal);
  try {
    for (;;) {
      await ports.clock.sleep(job.pollIntervalMs, limit.signal);
      const url = new URL(`/api/v1/process/${encodeURIComponent(id)}`, job.server);
      const { status } = await call(ports, job, url, undefined, limit.signal);
      if (status === "FINISHED") return;
      if (status === "FAILED") throw new Error(`concord instanceID: ${id} failed`);
    }
  } catch (error) {
    if (signal.aborted) throw new Error("context timedout");
    if (!limit.signal.aborted) throw error;
    throw new Error(`concord process timed out, after ${job.pollTimeoutMs / 1000} seconds`);
  } finally {
    limit.clear();
  }
}

async function call(
  ports: TaskPorts,
  job: Job,
  url: URL,
  form: FormData | undefined,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = job.apiKey === "" ? {} : { authorization: job.apiKey };
  const limit = deadline(ports.clock, REQUEST_TIMEOUT_MS, signal);
  try {
    const method = form === undefined ? "GET" : "POST";
    const { dispatcher } = ports;
    const options = { dispatcher, method, headers, body: form ?? null, signal: limit.signal };
    const response = await request(url, options);
    const text = await textWithin(response.body, LONGEST_ANSWER);
    if (response.statusCode >= 300) {
      throw new Error(`concord ${method} ${url.pathname} answered ${response.statusCode}: ${text.slice(0, 200)}`);
    }
    const answer: unknown = JSON.parse(text);
    if (typeof answer !== "object" || answer === null)
      throw new Error(`concord ${url.pathname}: no object in the answer`);
    return answer as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (limit.signal.reason instanceof TimeIsUp && !signal.aborted) {
      throw new Error(`concord ${url.pathname}: no answer within ${REQUEST_TIMEOUT_MS / 1000} seconds`);
    }
    throw error;
  } finally {
    limit.clear();
  }
}
