/** The connections of the operator to everything but the API server, and the rules for where they may go. */
import type { Dispatcher } from "undici";
import { createDispatcher } from "../../net/dispatcher.ts";
import { createEgress, type EgressRules } from "../../net/egress.ts";
import type { Environment } from "../../net/proxy-choice.ts";
import type { OperatorFlags } from "./flags.ts";

export interface Outgoing {
  readonly dispatcher: Dispatcher;
  /** Accepts any certificate. */
  readonly insecureDispatcher: Dispatcher;
  /** Connections through a proxy are kept, a few of them. @throws EgressRefused for a proxy that the rules refuse */
  dispatcherFor(options: { readonly proxy?: string }): Dispatcher;
  destroy(): Promise<void>;
}

/** Different proxies of AlertProviders whose connections are kept. */
const MOST_PROXIES = 20;

export function egressRules(flags: OperatorFlags, env: Environment, servers: readonly string[]): EgressRules {
  const { metricsServer, eventWebhook, slackUrl, slackProxyUrl, msteamsUrl, msteamsProxyUrl } = flags;
  const hosts = servers.filter((server) => URL.canParse(server)).map((server) => new URL(server).hostname);
  const own = env["KUBERNETES_SERVICE_HOST"];
  return {
    allowLocal: flags.allowLocalEgress,
    denyCidrs: flags.egressDenyCidrs,
    apiServers: [...hosts, ...(own === undefined || own === "" ? [] : [own])],
    trusted: [metricsServer, eventWebhook, slackUrl, slackProxyUrl, msteamsUrl, msteamsProxyUrl],
  };
}

/** @throws Error for a text in `-egress-deny-cidrs` that is no network */
export function createOutgoing(flags: OperatorFlags, env: Environment, servers: readonly string[]): Outgoing {
  const common = { env, egress: createEgress(egressRules(flags, env, servers)) };
  const dispatcher = createDispatcher(common);
  const insecureDispatcher = createDispatcher({ ...common, tls: { rejectUnauthorized: false } });
  const proxies = new Map<string, Dispatcher>();
  return {
    dispatcher,
    insecureDispatcher,
    dispatcherFor({ proxy }) {
      if (proxy === undefined) return dispatcher;
      const made = proxies.get(proxy) ?? createDispatcher({ ...common, proxy });
      proxies.delete(proxy);
      proxies.set(proxy, made);
      const [oldest] = proxies.size > MOST_PROXIES ? proxies.entries() : [];
      if (oldest !== undefined) {
        proxies.delete(oldest[0]);
        void oldest[1].close();
      }
      return made;
    },
    async destroy() {
      await Promise.all([dispatcher, insecureDispatcher, ...proxies.values()].map((each) => each.destroy()));
    },
  };
}
