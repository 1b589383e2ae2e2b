/** The receivers of an alert and its fields: the Canary's own providers, else the global notifier. */
import type { Dispatcher } from "undici";
import { type AlertTarget, type CanarySpec, dotted } from "../../core/spec/spec.ts";
import type { Alert, Canary } from "../../core/status/canary.ts";
import { sentenceOf } from "../../core/texts/words.ts";
import { errorText } from "../../error-text.ts";
import { formatFloat } from "../../go/format.ts";
import { clean, show } from "../../net/show.ts";
import { type AlertField, type AlertMessage, type NotifierSettings, shouldSend } from "../../notifiers/alert.ts";
import { createDelivery } from "../../notifiers/delivery.ts";
import { createNotifier, type Notifier, type NotifierPorts } from "../../notifiers/notifier.ts";
import type { Clock } from "../../ports/clock.ts";
import { type KubeObject, type ObjectRef, RESOURCES } from "../../ports/kubernetes.ts";
import type { AlertProviderObject } from "../../ports/kubernetes-types.ts";
import type { Log } from "../../ports/log.ts";
import { credentialsOf } from "../cluster/credentials.ts";
import type { SendAlert } from "./alerts.ts";

/** The receiver of alerts whose Canary names no provider, as Flagger's flags describe it; empty texts: none. */
export interface GlobalReceiver {
  readonly slackUrl: string;
  readonly slackToken: string;
  readonly slackProxyUrl: string;
  readonly slackChannel: string;
  readonly slackUser: string;
  readonly msteamsUrl: string;
  readonly msteamsProxyUrl: string;
}

/** What the operator's flags say about alerts. */
export interface AlertingFlags extends GlobalReceiver {
  readonly clusterName: string;
  /** Where people reach the console; alerts link there. Empty: no links. */
  readonly consoleUrl: string;
}

export interface AlertingPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly read: (ref: ObjectRef) => Promise<KubeObject | undefined>;
  readonly dispatcherFor?: (options: { readonly proxy?: string }) => Dispatcher;
  /** Says on the Canary why an alert does not arrive. Absent: only the log says it. */
  readonly announce?: (canary: Canary, message: string) => void;
}

export interface Alerting {
  readonly send: SendAlert;
  /** Whether an alert of this Canary has a receiver. */
  readonly hasReceiver: (canary: Canary) => boolean;
  /** Tries the undelivered alerts once more, for at most `graceMs`. */
  flush(graceMs: number): Promise<void>;
}

interface OutgoingAlert {
  /** Absent: the global receiver, which is not the user's. */
  readonly provider?: AlertTarget["providerRef"];
  readonly to: Notifier;
  readonly message: AlertMessage;
  /** Error line up to the cause. */
  readonly failure: string;
  readonly lane: string;
}

export function createAlerting(flags: AlertingFlags, ports: AlertingPorts): Alerting {
  const global = globalNotifier(flags, ports);
  const delivery = createDelivery<OutgoingAlert>({
    clock: ports.clock,
    log: ports.log,
    send: ({ to, message }, signal) => to.post(message, signal),
    laneOf: ({ lane }) => lane,
    failureLine: ({ failure }, detail) => `${failure}${detail}`,
    about: ({ message }) => ({ canary: message.workload }),
  });
  return {
    hasReceiver: ({ spec }) => spec.analysis.alerts.length > 0 || global !== undefined,
    async send(canary, alert) {
      const message: AlertMessage = {
        workload: dotted(canary.ref.name, canary.ref),
        message: clean(alert.message),
        severity: alert.severity,
        fields: [
          ...fieldsOf(canary.spec, canary.ref.namespace, alert, flags.clusterName),
          ...releaseFields(canary, alert, flags.consoleUrl),
        ].map(({ name, value }) => ({ name, value: clean(value) })),
      };
      const outgoing = await addressed(canary, message, global, ports);
      const outcomes = await Promise.all(outgoing.map((each) => delivery.deliver(each)));
      for (const [i, outcome] of outcomes.entries()) {
        const { provider, failure = "" } = outgoing[i] ?? {};
        if (outcome.kind === "given-up" && provider !== undefined)
          announce(canary, provider, `${failure}${outcome.detail}`, ports);
      }
    },
    flush: (graceMs) => delivery.flush(graceMs),
  };
}

async function addressed(
  canary: Canary,
  message: AlertMessage,
  global: Notifier | undefined,
  ports: AlertingPorts,
): Promise<readonly OutgoingAlert[]> {
  const { alerts } = canary.spec.analysis;
  if (alerts.length === 0) {
    // A lane for each namespace: the alerts of one tenant do not push out those of another.
    const lane = `global of ${canary.ref.namespace}`;
    return global === undefined ? [] : [{ to: global, message, failure: "alert can't be sent: ", lane }];
  }
  const wanted = alerts.filter(({ severity }) => shouldSend(severity, message.severity));
  const outgoing = await Promise.all(wanted.map((target) => outgoingAlert(canary, target, message, ports)));
  return outgoing.filter((found) => found !== undefined);
}

async function outgoingAlert(
  canary: Canary,
  { providerRef }: AlertTarget,
  message: AlertMessage,
  ports: AlertingPorts,
): Promise<OutgoingAlert | undefined> {
  const { name, namespace } = providerRef;
  const what = `alert provider ${name}.${namespace}`;
  try {
    const to = await notifierOf(providerRef, ports);
    return { provider: providerRef, to, message, failure: `${what} send error: `, lane: `${namespace}/${name}` };
  } catch (error) {
    const text = `${what} ${error instanceof SecretProblem ? "" : "error: "}${errorText(error)}`;
    ports.log.error({ canary: message.workload }, text);
    announce(canary, providerRef, text, ports);
    return undefined;
  }
}

/** What a provider of another namespace and its Secret say is not for this one. */
function announce(canary: Canary, { name, namespace }: AlertTarget["providerRef"], text: string, ports: AlertingPorts) {
  const isOwn = namespace === canary.ref.namespace;
  const said = isOwn ? text : `alert provider ${name}.${namespace} cannot be used: the operator's log says why`;
  ports.announce?.(canary, `an alert does not arrive: ${said}`);
}

/** @throws Error that says what is wrong with the provider or its Secret */
export async function notifierOf(
  { name, namespace }: AlertTarget["providerRef"],
  ports: Omit<AlertingPorts, "log">,
): Promise<Notifier> {
  const ref = { type: RESOURCES.alertProvider, namespace, name };
  const provider: AlertProviderObject | undefined = await ports.read(ref);
  if (provider === undefined) throw new Error(`alertprovider.flagger.app "${name}" not found`);
  const { spec = {} } = provider;
  const { name: secretName } = spec.secretRef ?? {};
  const secret = secretName === undefined ? undefined : await readSecret(secretName, namespace, ports);
  return createNotifier(spec.type ?? "", settingsOf(spec, secret), notifierPorts(ports));
}

/** @param secret the entries of the Secret that the provider names; undefined when it names none */
export function settingsOf(
  { address = "", channel, username, proxy }: NonNullable<AlertProviderObject["spec"]>,
  secret: ReadonlyMap<string, string> | undefined,
): NotifierSettings {
  return {
    address: secret?.get("address") ?? address,
    ...(channel ? { channel } : {}),
    ...(username ? { username } : {}),
    ...(proxy ? { proxy } : {}),
    ...(secret?.has("token") ? { token: secret.get("token") ?? "" } : {}),
  };
}

/** What is wrong with a provider's Secret; the message is the end of the log line. */
class SecretProblem extends Error {}

/** @throws SecretProblem */
async function readSecret(
  name: string,
  namespace: string,
  ports: Pick<AlertingPorts, "read">,
): Promise<ReadonlyMap<string, string>> {
  const secret = await ports.read({ type: RESOURCES.secret, namespace, name }).catch((error: unknown) => {
    throw new SecretProblem(`secretRef error: ${errorText(error)}`);
  });
  if (secret === undefined) throw new SecretProblem(`secretRef error: secrets "${name}" not found`);
  const entries = credentialsOf(secret);
  if (typeof entries === "string") throw new SecretProblem(`secretRef error: ${entries}`);
  if (!entries.has("address")) throw new SecretProblem("secret does not contain an address");
  return entries;
}

function fieldsOf(spec: CanarySpec, namespace: string, alert: Alert, clusterName: string): readonly AlertField[] {
  const cluster = clusterName === "" ? [] : [{ name: "Cluster", value: clusterName }];
  if (!alert.metadata) return cluster;
  const { targetRef, analysis, progressDeadlineSeconds } = spec;
  const routing = routingText(spec);
  return [
    ...cluster,
    { name: "Target", value: `${targetRef.kind}/${targetRef.name}.${namespace}` },
    { name: "Failed checks threshold", value: String(analysis.threshold) },
    { name: "Progress deadline", value: `${progressDeadlineSeconds}s` },
    ...(routing === undefined ? [] : [{ name: "Traffic routing", value: routing }]),
  ];
}

/** Why the release ended, in the same sentence as its record, and a link to its page. */
function releaseFields({ ref, status }: Canary, { severity }: Alert, consoleUrl: string): readonly AlertField[] {
  const { cause, run } = status;
  const hasFailed = severity !== "info" && status.phase === "Failed";
  const why = hasFailed && cause !== undefined ? [{ name: "Why", value: sentenceOf(cause) }] : [];
  if (consoleUrl === "") return why;
  const base = consoleUrl.endsWith("/") ? consoleUrl : `${consoleUrl}/`;
  const page = run === undefined ? `canaries/${ref.namespace}/${ref.name}` : `runs/${ref.namespace}/${run.id}`;
  return [...why, { name: "Release", value: `${base}${page}` }];
}

/** The maximum is shown as written; 0 when the spec has none (Q73). */
function routingText({ strategy, analysis }: CanarySpec): string | undefined {
  if (strategy === "ab-testing") return "A/B Testing";
  if (strategy === "blue-green") return "Blue/Green";
  const max = formatFloat(analysis.maxWeight);
  if (analysis.stepWeight > 0) return `Weight step: ${formatFloat(analysis.stepWeight)} max: ${max}`;
  return analysis.stepWeights.length > 0 ? `Weight steps: ${analysis.stepWeights.join(",")} max: ${max}` : undefined;
}

function notifierPorts({ clock, dispatcherFor }: Omit<AlertingPorts, "log" | "read">): NotifierPorts {
  return { clock, ...(dispatcherFor === undefined ? {} : { dispatcherFor }) };
}

/** Microsoft Teams is used when both Teams and Slack are given. A notifier that cannot work is logged and left out. */
function globalNotifier(flags: GlobalReceiver, ports: AlertingPorts): Notifier | undefined {
  const { log } = ports;
  const teams = flags.msteamsUrl !== "";
  const address = teams ? flags.msteamsUrl : flags.slackUrl;
  if (address === "") return undefined;
  const proxy = teams ? flags.msteamsProxyUrl : flags.slackProxyUrl;
  try {
    const notifier = createNotifier(
      teams ? "msteams" : "slack",
      { address, channel: flags.slackChannel, username: flags.slackUser, token: flags.slackToken, proxy },
      notifierPorts(ports),
    );
    if (address.length > 30) log.info({}, `Notifications enabled for ${show(address).slice(0, 30)}`);
    return notifier;
  } catch (error) {
    log.error({}, `Notifier ${errorText(error)}`);
    return undefined;
  }
}
