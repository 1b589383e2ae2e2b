/** Where queries go: the URL of the query API behind a provider's address. */
import { posix } from "node:path";
import { basic } from "../http.ts";
import { MetricError } from "../metric-error.ts";

export interface QueryAddress {
  /** Without user and password, as it may be shown. */
  readonly url: URL;
  /** From user and password in the address, if any. */
  readonly authorization?: string;
}

/** @throws MetricError "prometheus address … is not a valid URL" */
export function queryAddress(type: string, address: string): QueryAddress {
  const invalid = () => new MetricError(`${type} address ${address} is not a valid URL`);
  if (!URL.canParse(address)) throw invalid();
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalid();
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.search = "";
  url.hash = "";
  url.pathname = posix.join("/", url.pathname, "api/v1/query");
  if (username === "" && password === "") return { url };
  return { url, authorization: basic(decodeURIComponent(username), decodeURIComponent(password)) };
}
