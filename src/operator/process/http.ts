/** The operator's HTTP side: liveness, readiness, metrics. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";

export interface OperatorHttp {
  readonly port: number;
  /** Waits for open requests for at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface HttpOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Absent: all addresses. */
  readonly host?: string;
  readonly registry: Registry;
  /** Whether the caches are filled. */
  readonly ready: () => boolean;
}

/** Milliseconds. Without `connectionsCheckingInterval`, Node looks for slow requests only twice a minute. */
const LIMITS = { requestTimeout: 5_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 15_000 };

/** @throws Error when the port is taken: says so, and what to do */
export async function serveOperatorHttp({ port, host, registry, ready }: HttpOptions): Promise<OperatorHttp> {
  const server = createServer(LIMITS, (request, response) => {
    // The path is not parsed as a URL, because clients may send "//", which is no URL.
    const [pathname] = (request.url ?? "/").split("?");
    if (pathname === "/metrics") {
      response.setHeader("Content-Type", registry.contentType);
      registry.metrics().then(
        (text) => response.end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
      return;
    }
    const ok = pathname === "/healthz" || (pathname === "/readyz" && ready());
    if (!ok) response.statusCode = pathname === "/readyz" ? 503 : 404;
    response.end(ok ? "OK" : response.statusCode === 503 ? "caches are not filled yet" : "404 page not found\n");
  });
  await listen(server, port, host);
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceMs) =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = `${host ?? "0.0.0.0"}:${port}`;
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`cannot listen on ${where}: the port is in use; choose another with -port`)
          : new Error(`cannot listen on ${where}: ${error.message}`),
      );
    });
    server.listen(port, host, () => resolve());
  });
}
