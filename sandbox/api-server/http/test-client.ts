/**
 * A minimal HTTP client for this room's tests: no cache, no retries, the server's certificate as its only authority.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { request as secureRequest } from "node:https";
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

export interface Reply {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** Parsed JSON; undefined when it is none. */
  readonly json: KubeFields;
}

export interface TestClient {
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  /** Opens a stream of JSON lines. */
  watch(path: string, headers?: Readonly<Record<string, string>>): Promise<Stream>;
}

export interface Stream {
  /** The next line that fulfils `wanted`; lines before it are dropped. Undefined when the stream ends first. */
  next(wanted?: (line: KubeFields) => boolean): Promise<KubeFields | undefined>;
  close(): void;
}

/** What a client has to know of a server. */
export interface TestServer {
  /** https://host:port */
  readonly url: string;
  /** PEM text. */
  readonly ca: string;
  /** A cluster administrator's; empty: none is sent. */
  readonly token: string;
}

/**
 * A fake is a program that passes the suite of the real thing: with APISERVER=https://host:port, APISERVER_TOKEN (of a
 * cluster administrator) and APISERVER_CA (a file in PEM) the tests of this room run against that Kubernetes API
 * server. Without APISERVER they start the sandbox's own; what can be true of the sandbox alone is registered only
 * then.
 */
export function externalServer(env: NodeJS.ProcessEnv = process.env): TestServer | undefined {
  const { APISERVER: url = "", APISERVER_TOKEN: token = "", APISERVER_CA: authority = "" } = env;
  if (url === "") return undefined;
  if (token === "" || authority === "")
    throw new Error("APISERVER also needs APISERVER_TOKEN and APISERVER_CA (a file)");
  return { url: url.replace(/\/$/, ""), token, ca: readFileSync(authority, "utf8") };
}

export function testClient(server: TestServer): TestClient {
  const open = (method: string, path: string, body: Buffer, headers: Readonly<Record<string, string>>) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const all = {
        ...(server.token !== "" && { authorization: `Bearer ${server.token}` }),
        "user-agent": "test-client/1.0",
        ...(body.length > 0 && { "content-type": "application/json", "content-length": String(body.length) }),
        ...headers,
      };
      const connect = server.url.startsWith("https:") ? secureRequest : request;
      const outgoing = connect(`${server.url}${path}`, { method, headers: all, ca: server.ca, agent: false }, resolve);
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  return {
    send: async (method, path, body, headers = {}) => {
      const response = await open(method, path, bytesOf(body), headers);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("utf8");
      return { code: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) };
    },
    watch: async (path, headers = {}) => streamOf(await open("GET", path, Buffer.alloc(0), headers)),
  };
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function parsed(text: string): KubeFields {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function streamOf(response: IncomingMessage): Stream {
  const lines = linesOf(response);
  return {
    next: async (wanted = () => true) => {
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
        const value = parsed(line.value) ?? line.value;
        if (wanted(value)) return value;
      }
      return undefined;
    },
    close: () => response.destroy(),
  };
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
  return undefined;
}
