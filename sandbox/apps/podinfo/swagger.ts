/** A minimal description of the API, for tools that discover routes from it. */

const OPERATIONS: readonly (readonly [path: string, method: string, summary: string])[] = [
  ["/", "get", "Runtime information"],
  ["/api/info", "get", "Runtime information"],
  ["/api/echo", "post", "Echo"],
  ["/cache/{key}", "get", "Read a cached value"],
  ["/cache/{key}", "post", "Cache a value"],
  ["/cache/{key}", "delete", "Forget a cached value"],
  ["/chunked/{wait}", "get", "Answer in chunks"],
  ["/delay/{wait}", "get", "Answer late"],
  ["/env", "get", "Environment variables"],
  ["/headers", "get", "Request headers"],
  ["/healthz", "get", "Liveness"],
  ["/metrics", "get", "Prometheus metrics"],
  ["/panic", "get", "Crash"],
  ["/readyz", "get", "Readiness"],
  ["/readyz/enable", "post", "Become ready"],
  ["/readyz/disable", "post", "Become unready"],
  ["/status/{code}", "get", "Answer with a status code"],
  ["/store", "post", "Keep a file"],
  ["/store/{hash}", "get", "Read a file"],
  ["/token", "post", "Issue a token"],
  ["/token/validate", "post", "Validate a token"],
  ["/version", "get", "Version"],
];

/** A Swagger 2.0 document. */
export function swagger(version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [path, method, summary] of OPERATIONS) {
    const name = /\{(.+)\}/.exec(path)?.[1];
    const parameters = name === undefined ? [] : [{ name, in: "path", required: true, type: "string" }];
    paths[path] = {
      ...paths[path],
      [method]: { summary, parameters, responses: { default: { description: summary } } },
    };
  }
  return { swagger: "2.0", info: { title: "podinfo (sandbox)", version }, basePath: "/", schemes: ["http"], paths };
}
