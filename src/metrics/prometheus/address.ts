/** Where queries go: the URL of the query API behind a provider's address. */
import { posix } from "node:path";
import { type PlainAddress, withoutUserinfo } from "../../net/userinfo.ts";
import { MetricError } from "../metric-error.ts";

/** @throws MetricError "prometheus address … is not a valid URL" */
export function queryAddress(type: string, address: string): PlainAddress {
  const invalid = () => new MetricError(`${type} address ${address} is not a valid URL`);
  if (!URL.canParse(address)) throw invalid();
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalid();
  url.search = "";
  url.hash = "";
  url.pathname = posix.join("/", url.pathname, "api/v1/query");
  return withoutUserinfo(url);
}
