/**
 * Debian's Prometheus as a child process. A shell stands between: it ends Prometheus and removes its files when the
 * pipe from the sandbox closes. The kernel closes the pipe even when the sandbox is killed.
 *
 *   sandbox --(pipe, closed when it stops or dies)--> sh --(SIGTERM)--> prometheus
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";

export interface RealOptions {
  /** Path of the program. */
  readonly binary: string;
  readonly address: string;
  readonly port: number;
  readonly targets: readonly string[];
  readonly scrapeIntervalMs: number;
  readonly lookbackMs: number;
  /** An existing database to serve instead of an empty one; it is left alone afterwards. */
  readonly dataDir?: string;
  readonly log: (line: string) => void;
}

export interface RealPrometheus {
  readonly url: string;
  readonly pid: number;
  /** Settles when it has ended: the exit code. */
  readonly exited: Promise<number>;
  /** SIGTERM, and SIGKILL when that does not help. */
  stop(): Promise<void>;
}

/** Its first argument is the directory to remove. A reader of fd 3 sees its end when the sandbox is gone. */
const GUARD = `
dir=$1; shift
"$@" 3<&- & child=$!
( cat <&3 >/dev/null; kill -TERM $child 2>/dev/null ) >/dev/null 2>&1 & guard=$!
wait $child; code=$?
kill $guard 2>/dev/null
rm -rf "$dir"
exit $code
`;

/** Where the program is; undefined when it is not installed. */
export async function findPrometheus(path = process.env["PATH"] ?? ""): Promise<string | undefined> {
  for (const dir of path.split(delimiter)) {
    const candidate = join(dir, "prometheus");
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (dir !== "" && found) return candidate;
  }
  return undefined;
}

/**
 * Resolves when the process is started; it takes some 100 ms more until it answers.
 * @throws Error when it cannot start
 */
export async function startReal(options: RealOptions): Promise<RealPrometheus> {
  const dir = await mkdtemp(join(tmpdir(), "aviary-prometheus-"));
  try {
    const config = join(dir, "prometheus.yml");
    await writeFile(config, configText(options));
    const dataDir = options.dataDir ?? join(dir, "data");
    await mkdir(dataDir, { recursive: true });
    const child = spawn(
      "sh",
      ["-c", GUARD, "prometheus-guard", dir, options.binary, ...flags(options, config, dataDir)],
      {
        stdio: ["ignore", "ignore", "pipe", "pipe"],
        // A few hundred series: collecting garbage more often costs next to nothing and keeps it half the size.
        env: { GOGC: "30", ...process.env },
        // A group of its own: Ctrl-C reaches the sandbox alone, which ends Prometheus in order.
        detached: true,
      },
    );
    return await started(child, options);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Arguments for `sh` that run a command until file descriptor 3 closes, and then remove `dir`. */
export function guarded(dir: string, command: readonly string[]): readonly string[] {
  return ["-c", GUARD, "prometheus-guard", dir, ...command];
}

/** Two hours, as the embedded one keeps them. Short blocks: what is in no block yet is kept in memory. */
const SHORT_MEMORY = [
  "--storage.tsdb.retention.time=2h",
  "--storage.tsdb.min-block-duration=10m",
  "--storage.tsdb.max-block-duration=30m",
];

function flags({ address, port, lookbackMs, dataDir }: RealOptions, config: string, data: string): readonly string[] {
  return [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    ...(dataDir === undefined ? SHORT_MEMORY : ["--storage.tsdb.retention.time=100y"]),
    `--web.listen-address=${address}:${port}`,
    `--query.lookback-delta=${lookbackMs}ms`,
    "--log.level=warn",
  ];
}

/** JSON is YAML, too. */
function configText({ targets, scrapeIntervalMs }: RealOptions): string {
  const interval = `${scrapeIntervalMs}ms`;
  const static_configs = targets.map((target) => {
    const url = new URL(target);
    return {
      targets: [url.host],
      labels: { __scheme__: url.protocol.replace(":", ""), __metrics_path__: url.pathname },
    };
  });
  return JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval },
    scrape_configs: [{ job_name: "sandbox", honor_labels: true, static_configs }],
  });
}

const KILL_AFTER_MS = 5000;

async function started(child: ChildProcess, options: RealOptions): Promise<RealPrometheus> {
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const pid = child.pid ?? 0;
  if (child.stderr !== null) forwardLines(child.stderr, options.log);
  const lifeline = child.stdio[3];
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code) => {
      lifeline?.destroy();
      resolve(code ?? 1);
    });
  });
  const stop = async () => {
    lifeline?.destroy();
    const timer = setTimeout(() => killGroup(pid), KILL_AFTER_MS);
    await exited;
    clearTimeout(timer);
  };
  return { url: `http://${options.address}:${options.port}`, pid, exited, stop };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // ESRCH: the group ended in the meantime, as it should.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function forwardLines(stream: Readable, log: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) log(line);
  });
}
