/**
 * Requests that are answered before the call returns. The sandbox's parts work synchronously on their cluster
 * (cluster.ts), so that nothing is ever half done. A thread sends the request while this thread waits, a few
 * milliseconds each time.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ApiError } from "../cluster.ts";

export interface Endpoint {
  /** https://127.0.0.1:PORT */
  readonly url: string;
  /** PEM */
  readonly ca: string;
  readonly token: string;
}

export interface BlockingRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
}

export interface BlockingAnswer {
  readonly code: number;
  readonly text: string;
}

export interface BlockingHttp {
  /** @throws ApiError 504 when no answer comes in time, 503 when nothing answers at all */
  send(request: BlockingRequest): BlockingAnswer;
  /** Sends without waiting for the answer, which nothing reads. */
  post(request: BlockingRequest): void;
  /** Waits without an event of this thread in between. */
  pause(ms: number): void;
  stop(): Promise<void>;
}

interface Job {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

interface Reply extends BlockingAnswer {
  readonly id: number;
  /** Why there is no answer. */
  readonly failure?: string;
}

/** What the thread is given when it starts. */
interface ThreadData {
  readonly endpoint: Endpoint;
  readonly port: MessagePort;
  readonly bell: Int32Array;
}

const ANSWER_MS = 30_000;

export function createBlockingHttp(endpoint: Endpoint): BlockingHttp {
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const { url, ca, token } = endpoint;
  const workerData: ThreadData = { endpoint: { url, ca, token }, port: port2, bell };
  // A thread of its own file would need another loader in tests than in the build. The thread holds no names of this
  // file.
  const worker = new Worker(`(${thread.toString()})(require)`, { eval: true, workerData, transferList: [port2] });
  worker.unref();
  const silence = new Int32Array(new SharedArrayBuffer(4));
  let last = 0;
  /** @returns the number that the answer will have */
  const begin = ({ method, path, body }: BlockingRequest): number => {
    last += 1;
    const job: Job = { id: last, method, path, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    port1.postMessage(job);
    return last;
  };
  return {
    post: (request) => void begin(request),
    send: (request) => {
      const { method, path } = request;
      Atomics.store(bell, 0, 0);
      const id = begin(request);
      const deadline = Date.now() + ANSWER_MS;
      for (;;) {
        const reply = receiveMessageOnPort(port1)?.message as Reply | undefined;
        // Other answers came too late, or are of requests whose answer nothing reads.
        if (reply?.id === id) return answerOf(reply, `${method} ${path}`);
        if (reply !== undefined) continue;
        const left = deadline - Date.now();
        if (left <= 0) throw new ApiError(504, "Timeout", `no answer from ${endpoint.url} to ${method} ${path}`);
        Atomics.wait(bell, 0, 0, left);
        Atomics.store(bell, 0, 0);
      }
    },
    pause: (ms) => void Atomics.wait(silence, 0, 0, ms),
    stop: async () => {
      port1.close();
      await worker.terminate();
    },
  };
}

function answerOf({ code, text, failure }: Reply, what: string): BlockingAnswer {
  if (failure !== undefined) throw new ApiError(503, "ServiceUnavailable", `${what}: ${failure}`);
  return { code, text };
}

/** The whole thread. It may use nothing of this file but types. */
function thread(require: NodeJS.Require): void {
  const { request, Agent } = require("node:https") as typeof import("node:https");
  const { workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  const { endpoint, port, bell } = workerData as ThreadData;
  const agent = new Agent({ keepAlive: true, ca: endpoint.ca });
  const reply = (message: Reply) => {
    port.postMessage(message);
    Atomics.store(bell, 0, 1);
    Atomics.notify(bell, 0);
  };
  port.on("message", ({ id, method, path, body }: Job) => {
    const headers: Record<string, string> = { authorization: `Bearer ${endpoint.token}`, accept: "application/json" };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    const sent = request(`${endpoint.url}${path}`, { method, agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => reply({ id, code: response.statusCode ?? 0, text }));
      response.on("error", (error) => reply({ id, code: 0, text: "", failure: error.message }));
    });
    sent.on("error", (error) => reply({ id, code: 0, text: "", failure: error.message }));
    sent.end(body);
  });
}
