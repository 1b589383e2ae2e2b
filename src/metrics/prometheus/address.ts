/** The URL of the query API for a provider's address. */
import { posix } from "node:path";
import { type PlainAddress, withoutUserinfo } from "../../net/userinfo.ts";
import { queryEscape } from "../escape.ts";
import { httpAddress, type ProviderOptions } from "../provider.ts";

/** @throws MetricError "prometheus address … is not a valid URL" */
export function queryAddress(provider: Pick<ProviderOptions, "type" | "address">): PlainAddress {
  const url = new URL(httpAddress(provider));
  url.search = "";
  url.hash = "";
  url.pathname = posix.join("/", url.pathname, "api/v1/query");
  return withoutUserinfo(url);
}

/** The query in one line, as a part of the URL. */
export const queryParameter = (query: string): string => `query=${queryEscape(query.replace(/\s+/g, " "))}`;
