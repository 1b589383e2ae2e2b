/** One configured alert provider. */
import { type Dispatcher, getGlobalDispatcher, ProxyAgent } from "undici";
import { httpUrl } from "../net/http-url.ts";
import { showHost } from "../net/show.ts";
import type { Clock } from "../ports/clock.ts";
import type { AlertMessage, NotifierKind, NotifierSettings } from "./alert.ts";
import { postJson } from "./post.ts";
import { NOTIFIERS } from "./table.ts";

export interface Notifier {
  /** @throws PostError with the text for the log; the signal's reason when it is aborted */
  post(alert: AlertMessage, signal: AbortSignal): Promise<void>;
}

export interface NotifierPorts {
  readonly clock: Clock;
  /** The connection to a service: through this proxy, or as the environment says. undici's own when absent. */
  readonly dispatcherFor?: (options: { readonly proxy?: string }) => Dispatcher;
  /** Time limit of one post, including the answer; 5 s when absent. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5000;
const DEFAULT_CHANNEL = "general";
const DEFAULT_USERNAME = "flagger";

/**
 * With an empty address the notifier sends nothing.
 * @throws Error when the settings are invalid; the text is Flagger's
 */
export function createNotifier(type: string, settings: NotifierSettings, ports: NotifierPorts): Notifier {
  if (settings.address === "") return { post: () => Promise.resolve() };
  const kind = Object.hasOwn(NOTIFIERS, type) ? NOTIFIERS[type] : undefined;
  if (kind === undefined) throw new Error(`provider ${type} not supported`);
  const address = httpUrl(settings.address);
  if (address === undefined)
    throw new Error(`invalid ${kind.title} ${kind.addressTitle} URL ${showHost(settings.address)}`);
  const speaker = speakerFrom(kind, settings);
  const url = kind.target(settings.address, address);
  const token = kind.usesToken && settings.token !== undefined && settings.token !== "" ? settings.token : undefined;
  const dispatcher = dispatcherFrom(settings.proxy ?? "", ports);
  const timeoutMs = ports.timeoutMs ?? TIMEOUT_MS;
  return {
    post: (alert, signal) => {
      return postJson({
        url,
        token,
        body: kind.render(alert, speaker),
        dispatcher,
        timeoutMs,
        clock: ports.clock,
        signal,
      });
    },
  };
}

function speakerFrom(kind: NotifierKind, settings: NotifierSettings) {
  const username = settings.username ?? DEFAULT_USERNAME;
  const channel = settings.channel ?? DEFAULT_CHANNEL;
  if (kind.needsSpeaker && username === "") throw new Error(`empty ${kind.title} username`);
  if (kind.needsSpeaker && channel === "") throw new Error(`empty ${kind.title} channel`);
  return { username, channel };
}

function dispatcherFrom(proxy: string, ports: NotifierPorts): Dispatcher {
  if (proxy === "") return ports.dispatcherFor?.({}) ?? getGlobalDispatcher();
  if (httpUrl(proxy) === undefined) {
    throw new Error(`unable to parse proxy URL '${showHost(proxy)}', error: it is not an http:// or https:// URL`);
  }
  return ports.dispatcherFor?.({ proxy }) ?? new ProxyAgent({ uri: proxy, proxyTunnel: false });
}
