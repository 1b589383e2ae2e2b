/** `aviary list -A` as a person runs it: a new process each time, which connects, reads, and prints. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { claimAddressBlock } from "../sandbox/addresses.ts";
import { startApiServer } from "../sandbox/api-server/index.ts";
import { fillWithCanaries } from "./canaries.ts";
import { type Figure, ms } from "./figure.ts";

const AIM_MS = 250;
const RUNS = 9;
const PROGRAM = join(process.cwd(), "bin/aviary");

export async function benchList(): Promise<readonly Figure[]> {
  return [...(await listOf(100, AIM_MS)), ...(await listOf(5000, undefined))];
}

/** @param aim milliseconds; undefined: shown, and not judged */
async function listOf(canaries: number, aim: number | undefined): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "aviary-bench-list-"));
  const addresses = await claimAddressBlock();
  const server = await startApiServer({ addresses });
  try {
    fillWithCanaries(server, canaries);
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, server.kubeconfig);
    const list = await median([PROGRAM, "list", "-A", "--kubeconfig", kubeconfig], canaries);
    const node = await median(["-e", "0"], 0);
    const ratio = `${(list / node).toFixed(1)} x the start of node (${ms(node)})`;
    const what = `aviary list -A of ${canaries} Canaries, median of ${RUNS}`;
    const judged = { aim: aim === undefined ? "-" : `<= ${aim} ms`, met: aim === undefined || list <= aim };
    return [{ what, measured: `${ms(list)}, ${ratio}`, ...judged }];
  } finally {
    await server.stop();
    await addresses.release();
    rmSync(folder, { recursive: true });
  }
}

async function median(args: readonly string[], lines: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const began = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
    times.push(performance.now() - began);
    if (stdout.split("\n").length <= lines) throw new Error(`${args.join(" ")} printed no list: ${stdout}`);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1] ?? 0;
}
