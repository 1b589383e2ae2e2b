/** Programs that see files and ports of their own. Machines that make no user namespaces say so. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { PATIENCE_MS } from "../../test/patience.ts";
import { type ChildProgram, startChild } from "../programs/child.ts";
import { freePorts } from "../programs/ports.ts";
import { type EnclosedProgram, enclose } from "./enclosure.ts";

const refused = spawnSync("unshare", ["--user", "--map-root-user", "--mount", "--net", "true"]).status !== 0;
const LIMIT = { timeout: PATIENCE_MS };

it.skipIf(refused)("the program finds its files where it looks for them, and this machine does not", async () => {
  const dir = mkdtempSync(join(tmpdir(), "aviary-enclosure-"));
  const files = new Map([["/aviary-test/certs/tls.crt", "a certificate"]]);
  const { line } = enclose(dir, { files }, { command: "cat", args: ["/aviary-test/certs/tls.crt"] });
  expect(spawnSync(line.command, line.args, { encoding: "utf8" }).stdout).toBe("a certificate");
  expect(spawnSync("cat", ["/aviary-test/certs/tls.crt"]).status).not.toBe(0);
  rmSync(dir, { recursive: true });
});

const SERVER = `
  const http = require("node:http");
  http.createServer((_, response) => {
    http.get("http://127.0.0.1:" + process.argv[1], (answer) => answer.pipe(response));
  }).listen(Number(process.argv[2]), "127.0.0.1");
`;

it.skipIf(refused)(
  "two programs listen for the same port, and each reaches this machine",
  async () => {
    const api = createServer((_request, response) => response.end("the API server"));
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const apiPort = (api.address() as AddressInfo).port;
    const [own = 0, ...doors] = await freePorts(3);
    const dirs = doors.map(() => mkdtempSync(join(tmpdir(), "aviary-enclosure-")));
    const started: ChildProgram[] = [];
    for (const [i, door] of doors.entries()) {
      const ports = { in: new Map([[own, door]]), out: [apiPort] };
      const server = { command: process.execPath, args: ["-e", SERVER, String(apiPort), String(own)] };
      started.push(...(await run(enclose(dirs[i] ?? "", { files: new Map(), ports }, server))));
    }
    for (const door of doors) {
      await vi.waitFor(async () => {
        const answer = await fetch(`http://127.0.0.1:${door}/`);
        expect(await answer.text()).toBe("the API server");
      }, LIMIT);
    }
    for (const program of started) await program.stop();
    await new Promise((resolve) => api.close(resolve));
    for (const dir of dirs) rmSync(dir, { recursive: true });
  },
  60_000,
);

async function run({ line, bridge }: EnclosedProgram): Promise<readonly ChildProgram[]> {
  const start = { env: process.env, log: () => {} };
  if (bridge === undefined) throw new Error("a network of its own needs a bridge");
  return [await startChild({ ...bridge, ...start }), await startChild({ ...line, ...start })];
}
