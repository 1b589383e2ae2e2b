/**
 * The operator's command line: Flagger's flags with their names and defaults, with one dash or two. The help marks
 * Aviary's own flags.
 */
import { durationOf, type FlagKind, type FlagTable, lastOf, readGoFlags } from "../../go/flags.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { SELECTOR_LABELS } from "../../workloads/table.ts";
import type { AlertingFlags } from "../notify/alerting.ts";

export interface OperatorFlags extends AlertingFlags {
  readonly kubeconfig: string;
  readonly master: string;
  readonly kubeconfigQps: number;
  readonly kubeconfigBurst: number;
  readonly kubeconfigServiceMesh: string;
  readonly metricsServer: string;
  readonly logLevel: string;
  readonly port: number;
  readonly eventWebhook: string;
  readonly includeLabelPrefixes: readonly string[];
  readonly threadiness: number;
  readonly zapEncoding: string;
  readonly namespace: string;
  readonly meshProvider: string;
  readonly ingressAnnotationsPrefix: string;
  readonly ingressClass: string;
  readonly selectorLabels: readonly string[];
  readonly leaderElection: boolean;
  readonly leaderElectionNamespace: string;
  readonly configTracking: boolean;
  /** The collector of OpenTelemetry that runs are traced to, by OTLP/HTTP. Empty: none. */
  readonly otlpEndpoint: string;
  readonly noCrossNamespaceRefs: boolean;
  readonly sharedGateways: readonly string[];
  readonly intervalFloorMs: number;
  /** Records of runs that are kept: of each Canary so many promoted ones and as many others. */
  readonly historyLimit: number;
  readonly historyDays: number;
  /** In one namespace. */
  readonly historyTotal: number;
  /** Empty: no journal. */
  readonly journal: string;
  readonly allowLocalEgress: boolean;
  readonly egressDenyCidrs: readonly string[];
  /** Empty: webhooks are not signed. */
  readonly webhookKeyFile: string;
}

export type FlagsRead =
  | { readonly kind: "run"; readonly flags: OperatorFlags }
  | { readonly kind: "version" }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

interface FlagRow {
  readonly kind: FlagKind;
  readonly preset: string;
  readonly help: string;
}

const text = (preset: string, help: string): FlagRow => ({ kind: "text", preset, help });
const bool = (preset: boolean, help: string): FlagRow => ({ kind: "bool", preset: String(preset), help });
const int = (preset: number, help: string): FlagRow => ({ kind: "int", preset: String(preset), help });
const duration = (preset: string, help: string): FlagRow => ({ kind: "duration", preset, help });

export const OPERATOR_FLAGS = {
  kubeconfig: text("", "path to a kubeconfig; empty: $KUBECONFIG, ~/.kube/config, or the cluster this runs in"),
  master: text("", "address of the Kubernetes API server; overrides the kubeconfig's"),
  "kubeconfig-qps": int(100, "requests per second to the API server"),
  "kubeconfig-burst": int(250, "requests to the API server at once"),
  "kubeconfig-service-mesh": text("", "path to the kubeconfig of the service mesh's control plane cluster"),
  "metrics-server": text("http://prometheus:9090", "Prometheus URL"),
  "control-loop-interval": duration("10s", "accepted and not used: canaries are woken by events"),
  "log-level": text("debug", "debug, info, warn, error, fatal, panic"),
  port: text("8080", "port of /healthz, /readyz and /metrics"),
  "slack-url": text("", "Slack hook URL"),
  "slack-token": text("", "Slack bot token"),
  "slack-proxy-url": text("", "HTTP proxy for Slack"),
  "slack-user": text("flagger", "Slack user name"),
  "slack-channel": text("", "Slack channel"),
  "msteams-url": text("", "Microsoft Teams webhook URL"),
  "msteams-proxy-url": text("", "HTTP proxy for Microsoft Teams"),
  "event-webhook": text("", "webhook that is sent every event"),
  "include-label-prefix": text(
    "",
    "comma-separated prefixes of labels and annotations to copy to primaries; * for all",
  ),
  threadiness: int(2, "how many canaries are attended to at once, in units of 500"),
  "zap-replace-globals": bool(false, "accepted and not used"),
  "zap-encoding": text("json", "json or console"),
  namespace: text("", "the only namespace to watch; empty: all"),
  "mesh-provider": text(DEFAULT_PROVIDER, "provider of canaries that name none"),
  "selector-labels": text(SELECTOR_LABELS.join(","), "labels by which pods are selected, in order of preference"),
  "ingress-annotations-prefix": text("nginx.ingress.kubernetes.io", "prefix of NGINX ingress annotations"),
  "ingress-class": text("", "class of Contour HTTPProxies"),
  "enable-leader-election": bool(false, "run several operators of which one leads"),
  "leader-election-namespace": text("kube-system", "namespace of the Lease"),
  "enable-config-tracking": bool(true, "changes of ConfigMaps and Secrets count as new revisions"),
  version: bool(false, "print the version and exit"),
  "cluster-name": text("", "cluster name that alerts show"),
  "otlp-endpoint": text("", "collector of OpenTelemetry for traces of runs; else $OTEL_EXPORTER_OTLP_ENDPOINT"),
  "console-url": text("", "where people reach the console; alerts link to the release there"),
  "no-cross-namespace-refs": bool(false, "refuse references to objects of other namespaces"),
  "interval-floor": duration("10s", "Aviary's own: the shortest analysis interval"),
  "shared-gateways": text(
    "",
    "Aviary's own: comma-separated gateways (namespace/name, namespace/*) that -no-cross-namespace-refs lets every canary use",
  ),
  "history-limit": int(5, "Aviary's own: records kept of each Canary: so many promotions, and as many other runs"),
  "history-days": int(90, "Aviary's own: days that records of runs are kept; the last of each kind stays"),
  "history-total": int(2000, "Aviary's own: records of runs kept in one namespace"),
  journal: text("", "Aviary's own: file to which every turn is appended, for replay"),
  "allow-local-egress": bool(
    false,
    "Aviary's own: webhooks, metric servers and alert providers may be on the operator's own machine, or be the API server",
  ),
  "egress-deny-cidrs": text(
    "",
    "Aviary's own: comma-separated networks to which no webhook, metric server or alert provider may lead",
  ),
  "webhook-key-file": text("", "Aviary's own: file with a key by which webhooks are signed, the load tester's token"),
  // klog's flags: accepted, because charts and scripts pass them.
  v: text("", "accepted and not used"),
  vmodule: text("", "accepted and not used"),
  logtostderr: bool(false, "accepted and not used"),
  alsologtostderr: bool(false, "accepted and not used"),
  stderrthreshold: text("", "accepted and not used"),
  add_dir_header: bool(false, "accepted and not used"),
  log_backtrace_at: text("", "accepted and not used"),
  log_dir: text("", "accepted and not used"),
  log_file: text("", "accepted and not used"),
  log_file_max_size: text("", "accepted and not used"),
  one_output: bool(false, "accepted and not used"),
  skip_headers: bool(false, "accepted and not used"),
  skip_log_headers: bool(false, "accepted and not used"),
} as const satisfies Record<string, FlagRow>;

type FlagName = keyof typeof OPERATOR_FLAGS;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param env SLACK_URL, SLACK_TOKEN, SLACK_PROXY_URL, MSTEAMS_URL, MSTEAMS_PROXY_URL, EVENT_WEBHOOK_URL win over flags
 */
export function readOperatorFlags(argv: readonly string[], env: Environment): FlagsRead {
  const table: FlagTable = Object.fromEntries(Object.entries(OPERATOR_FLAGS).map(([name, { kind }]) => [name, kind]));
  const read = readGoFlags(argv, table);
  if (read.kind !== "flags") return read;
  const { flags } = read;
  const value = (name: FlagName): string => lastOf(flags, name) ?? OPERATOR_FLAGS[name].preset;
  const yes = (name: FlagName): boolean => value(name) === "true";
  const list = (name: FlagName): string[] => value(name).split(",");
  if (yes("version")) return { kind: "version" };
  const port = Number(value("port"));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return { kind: "wrong", message: `invalid value "${value("port")}" for flag -port: not a port number` };
  }
  const namespace = value("namespace");
  return {
    kind: "run",
    flags: {
      kubeconfig: value("kubeconfig"),
      master: value("master"),
      kubeconfigQps: Number(value("kubeconfig-qps")),
      kubeconfigBurst: Number(value("kubeconfig-burst")),
      kubeconfigServiceMesh: value("kubeconfig-service-mesh"),
      metricsServer: value("metrics-server"),
      logLevel: value("log-level"),
      port,
      slackUrl: env["SLACK_URL"] || value("slack-url"),
      slackToken: env["SLACK_TOKEN"] || value("slack-token"),
      slackProxyUrl: env["SLACK_PROXY_URL"] || value("slack-proxy-url"),
      slackChannel: value("slack-channel"),
      slackUser: value("slack-user"),
      msteamsUrl: env["MSTEAMS_URL"] || value("msteams-url"),
      msteamsProxyUrl: env["MSTEAMS_PROXY_URL"] || value("msteams-proxy-url"),
      eventWebhook: env["EVENT_WEBHOOK_URL"] || value("event-webhook"),
      includeLabelPrefixes: list("include-label-prefix"),
      threadiness: Number(value("threadiness")),
      zapEncoding: value("zap-encoding"),
      namespace,
      meshProvider: value("mesh-provider"),
      ingressAnnotationsPrefix: value("ingress-annotations-prefix"),
      ingressClass: value("ingress-class"),
      selectorLabels: list("selector-labels"),
      leaderElection: yes("enable-leader-election"),
      leaderElectionNamespace: namespace || value("leader-election-namespace"),
      configTracking: yes("enable-config-tracking"),
      clusterName: value("cluster-name"),
      otlpEndpoint: value("otlp-endpoint") || (env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? ""),
      consoleUrl: value("console-url"),
      noCrossNamespaceRefs: yes("no-cross-namespace-refs"),
      sharedGateways: list("shared-gateways").filter((name) => name !== ""),
      intervalFloorMs: durationOf(flags, "interval-floor", 10_000),
      historyLimit: Math.max(1, Number(value("history-limit"))),
      historyDays: Math.max(1, Number(value("history-days"))),
      historyTotal: Math.max(1, Number(value("history-total"))),
      journal: value("journal"),
      webhookKeyFile: value("webhook-key-file"),
      allowLocalEgress: yes("allow-local-egress"),
      egressDenyCidrs: list("egress-deny-cidrs").filter((network) => network.trim() !== ""),
    },
  };
}

/** For `--help`: a line per flag. */
export function describeOperatorFlags(): string {
  const rows = Object.entries(OPERATOR_FLAGS).map(
    ([name, { preset, help }]) => `  -${name}${preset === "" ? "" : ` (default ${preset})`}\n        ${help}`,
  );
  return rows.join("\n");
}
