/**
 * A plain HTTP proxy on loopback. In a sandbox only the built-in HTTP client resolves host names; programs that honour
 * `http_proxy` (curl, wget and most scripts) reach the sandbox's Services through this proxy:
 *
 *   sh -c 'curl http://podinfo-canary.test/ | jq …' --http_proxy--> this proxy --dispatcher--> the Service
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { type Dispatcher, request as send } from "undici";
import { errorText } from "../error-text.ts";

export interface ForwardProxy {
  /** "http://127.0.0.1:40123" */
  readonly url: string;
  stop(): Promise<void>;
}

/** Headers of one connection, which are not forwarded. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer"]);
for (const header of ["transfer-encoding", "upgrade", "expect"]) HOP_BY_HOP.add(header);

export async function startForwardProxy(dispatcher: Dispatcher): Promise<ForwardProxy> {
  const server = createServer((request, response) => void forward(dispatcher, request, response));
  server.on("connect", (_request, socket) => {
    socket.end("HTTP/1.1 501 Not Implemented\r\n\r\nonly http:// goes through the sandbox's proxy\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function forward(dispatcher: Dispatcher, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? "";
  if (!url.startsWith("http://") || !URL.canParse(url)) {
    response.writeHead(400).end("this is a proxy: ask it for http:// URLs\n");
    return;
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  try {
    const answer = await send(url, {
      dispatcher,
      method: request.method ?? "GET",
      headers: endToEnd(request.headers),
      body: hasBody ? request : null,
      signal: gone.signal,
    });
    response.writeHead(answer.statusCode, endToEnd(answer.headers));
    await pipeline(answer.body, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end(`${errorText(error)}\n`);
  }
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
