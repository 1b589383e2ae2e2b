/** Asks a Prometheus inside the cluster, by the name of its Service. */
import type { LookupFunction } from "node:net";
import { Agent, request } from "undici";
import type { Cluster } from "../cluster.ts";
import { addressesOf } from "../dns/index.ts";

export interface PrometheusClient {
  /**
   * The value of an instant query; undefined when the answer is empty.
   * @param server "http://prometheus.istio-system:9090"
   * @throws Error when it cannot be asked, or answers with anything but one number
   */
  query(server: string, query: string, signal: AbortSignal): Promise<number | undefined>;
  close(): Promise<void>;
}

export function createPrometheusClient(cluster: Cluster): PrometheusClient {
  const agent = new Agent({ connect: { lookup: lookupIn(cluster) } });
  return {
    query: async (server, query, signal) => {
      const url = `${server.replace(/\/$/, "")}/api/v1/query?query=${encodeURIComponent(query)}`;
      const { statusCode, body } = await request(url, { dispatcher: agent, signal });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`${server} answered ${statusCode}: ${text.slice(0, 200)}`);
      return numberIn(text, query);
    },
    close: () => agent.destroy(),
  };
}

function numberIn(text: string, query: string): number | undefined {
  const { data } = JSON.parse(text);
  if (data.resultType === "scalar") return Number(data.result[1]);
  const [first, second] = data.result;
  if (second !== undefined) throw new Error(`the query returned several values, it must return one: ${query}`);
  return first === undefined ? undefined : Number(first.value[1]);
}

/** Names of Services, as the cluster's nameserver would answer. */
function lookupIn(cluster: Cluster): LookupFunction {
  return (hostname, options, callback) => {
    const [address] = addressesOf(cluster, hostname) ?? [];
    if (address === undefined) {
      const error: NodeJS.ErrnoException = new Error(`no such name in the cluster: ${hostname}`);
      error.code = "ENOTFOUND";
      callback(error, "");
    } else if (options.all === true) callback(null, [{ address, family: 4 }]);
    else callback(null, address, 4);
  };
}
