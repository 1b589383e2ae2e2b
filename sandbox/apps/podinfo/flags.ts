/** podinfo's command line and its PODINFO_* environment: flags win, then the environment, then the defaults. */

export interface PodinfoFlags {
  readonly port: number;
  /** 0: no port of its own for metrics. */
  readonly portMetrics: number;
  /** 0: no gRPC. */
  readonly grpcPort: number;
  readonly grpcService: string;
  readonly level: string;
  readonly randomDelay: boolean;
  readonly randomDelayMin: number;
  readonly randomDelayMax: number;
  readonly randomDelayUnit: "s" | "ms";
  readonly randomError: boolean;
  readonly unhealthy: boolean;
  readonly unready: boolean;
  readonly uiColor: string;
  readonly uiMessage: string;
  readonly uiLogo: string;
  readonly configPath: string;
  readonly backendUrls: readonly string[];
  readonly jwtSecret: string;
}

const BOOLEAN = new Set(["random-delay", "random-error", "unhealthy", "unready", "h2c", "cache-tls-enabled"]);

const KNOWN = new Set([
  ...["host", "port", "secure-port", "port-metrics", "grpc-port", "grpc-service-name", "level", "backend-url"],
  ...["http-client-timeout", "http-server-timeout", "server-shutdown-timeout", "data-path", "config-path"],
  ...["cert-path", "config", "ui-path", "ui-logo", "ui-color", "ui-message", "h2c", "random-delay"],
  ...["random-delay-unit", "random-delay-min", "random-delay-max", "random-error", "unhealthy", "unready"],
  ...["stress-cpu", "stress-memory", "cache-server", "cache-tls-enabled", "otel-service-name", "hostname"],
]);

/** `./podinfo --port=9898 --random-error`: the program's name and what comes before the first flag are skipped. */
export function parseFlags(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  version: string,
): PodinfoFlags {
  const given = flagsOf(argv);
  const raw = (name: string) => given.get(name) ?? env[`PODINFO_${name.replaceAll("-", "_").toUpperCase()}`];
  const text = (name: string, otherwise: string) => raw(name) ?? otherwise;
  const whole = (name: string, otherwise: number) => {
    const value = raw(name);
    if (value === undefined || value === "") return otherwise;
    const number = Number(value);
    if (!Number.isInteger(number)) throw new Error(`invalid argument "${value}" for "--${name}" flag: not an integer`);
    return number;
  };
  const truth = (name: string) => ["true", "1", "t"].includes((raw(name) ?? "false").toLowerCase());
  return {
    port: whole("port", 9898),
    portMetrics: whole("port-metrics", 0),
    grpcPort: whole("grpc-port", 0),
    grpcService: text("grpc-service-name", "podinfo"),
    level: text("level", "info"),
    randomDelay: truth("random-delay"),
    randomDelayMin: whole("random-delay-min", 0),
    randomDelayMax: whole("random-delay-max", 5),
    randomDelayUnit: text("random-delay-unit", "s") === "ms" ? "ms" : "s",
    randomError: truth("random-error"),
    unhealthy: truth("unhealthy"),
    unready: truth("unready"),
    uiColor: text("ui-color", "#34577c"),
    uiMessage: text("ui-message", `greetings from podinfo v${version}`),
    uiLogo: text("ui-logo", "https://raw.githubusercontent.com/stefanprodan/podinfo/gh-pages/cuddle_clap.gif"),
    configPath: text("config-path", ""),
    backendUrls: text("backend-url", "")
      .split(",")
      .filter((url) => url !== ""),
    jwtSecret: env["PODINFO_JWT_SECRET"] ?? env["JWT_SECRET"] ?? "",
  };
}

/** @throws Error for a flag that podinfo does not have, so that a typo crashes the pod as it would the original */
function flagsOf(argv: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let i = 0; i < argv.length; i += 1) {
    const match = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argv[i] ?? "");
    if (match === null) continue;
    const name = match[1] ?? "";
    if (!KNOWN.has(name)) throw new Error(`unknown flag: --${name}`);
    let value = match[2];
    if (value === undefined && !BOOLEAN.has(name)) {
      i += 1;
      value = argv[i];
      if (value === undefined) throw new Error(`flag needs an argument: --${name}`);
    }
    const list = name === "backend-url" ? given.get(name) : undefined;
    given.set(name, list === undefined ? (value ?? "true") : `${list},${value}`);
  }
  return given;
}
