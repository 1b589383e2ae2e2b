// Stands for `wget --spider URL` in the operator's image, which has neither shell nor wget: Flagger's charts probe with wget.
// Exits 0 when the URL answers with 2xx, else 1. The file runs as a module and as CommonJS.
const url = process.argv.at(-1) ?? "";
const timeout = Number(/--timeout=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 4) * 1000;
if (!url.startsWith("http://")) {
  process.stderr.write(`usage: wget --spider http://HOST:PORT/PATH (got "${url}")\n`);
  process.exit(2);
}
void import("node:http").then(({ request }) =>
  request(url, { method: "HEAD", timeout }, ({ statusCode = 0 }) =>
    process.exit(statusCode >= 200 && statusCode < 300 ? 0 : 1),
  )
    .on("timeout", () => process.exit(1))
    .on("error", () => process.exit(1))
    .end(),
);
