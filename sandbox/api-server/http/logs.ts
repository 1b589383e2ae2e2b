/** `kubectl logs`: a container's output as text, so far or for as long as it runs. */
import { Buffer } from "node:buffer";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError, type LogLine, type PodLogs } from "../../cluster.ts";
import { badRequest } from "../errors.ts";
import { type Answer, type Call, flag } from "./call.ts";
import { containerOf } from "./containers.ts";
import { existing } from "./reading.ts";
import type { Route } from "./route.ts";

/** @throws ApiError 400 when the container does not exist or has not started */
export function podLog(call: Call, route: Route): Answer {
  return sendLog(call, existing(call, route), call.server.logs(), call.server.store.clock.now());
}

/** @param nowMs for `sinceSeconds` @throws ApiError as `podLog` */
export function sendLog(
  call: Pick<Call, "query" | "response">,
  pod: KubeObject,
  logs: PodLogs | undefined,
  nowMs: number,
): Answer {
  const { query, response } = call;
  const { namespace = "", name } = pod.metadata;
  const chosen = containerOf(call, pod);
  if (logs === undefined) throw new ApiError(503, "ServiceUnavailable", "no kubelet is running: there are no logs");
  if (flag(query, "previous")) {
    throw badRequest(`previous terminated container "${chosen}" in pod "${name}" not found`);
  }
  const lines = logs.read(namespace, name, chosen);
  if (lines === undefined) {
    throw badRequest(`container "${chosen}" in pod "${name}" is waiting to start: ${waitingFor(pod, chosen)}`);
  }
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  const write = (line: LogLine) => {
    if (!response.writableEnded) response.write(`${flag(query, "timestamps") ? `${line.time} ` : ""}${line.text}\n`);
  };
  const chosenLines = wanted(lines, query, nowMs);
  const limit = Number(query.get("limitBytes") ?? 0);
  if (limit > 0) {
    const text = chosenLines
      .map((line) => `${flag(query, "timestamps") ? `${line.time} ` : ""}${line.text}\n`)
      .join("");
    response.end(Buffer.from(text).subarray(0, limit));
    return undefined;
  }
  for (const line of chosenLines) write(line);
  if (flag(query, "follow")) follow(response, logs, pod, chosen, write);
  else response.end();
  return undefined;
}

function waitingFor(pod: KubeObject, container: string): string {
  const statuses: KubeFields[] = pod.status?.containerStatuses ?? [];
  const reason = statuses.find(({ name }) => name === container)?.state?.waiting?.reason ?? "ContainerCreating";
  return reason === "ErrImagePull" || reason === "ImagePullBackOff" ? "trying and failing to pull image" : reason;
}

function follow(
  response: Call["response"],
  logs: PodLogs,
  pod: KubeObject,
  container: string,
  write: (line: LogLine) => void,
): void {
  const { namespace = "", name } = pod.metadata;
  const stop = logs.follow(namespace, name, container, write, () => response.end());
  response.once("close", stop);
}

function wanted(lines: readonly LogLine[], query: URLSearchParams, nowMs: number): readonly LogLine[] {
  const seconds = query.get("sinceSeconds");
  const time = query.get("sinceTime");
  const from = seconds !== null ? nowMs - Number(seconds) * 1000 : time !== null ? Date.parse(time) : undefined;
  const recent = from === undefined ? lines : lines.filter((line) => Date.parse(line.time) >= from);
  const tail = query.get("tailLines");
  return tail === null ? recent : recent.slice(Math.max(0, recent.length - Number(tail)));
}
