/**
 * Name resolution for outgoing connections. Inside the sandbox, Service names such as `podinfo.test` exist only on the
 * sandbox's own nameserver; AVIARY_NAMESERVER=address:port says where it is. Whatever it does not know is asked of the
 * machine as usual.
 */
import { lookup as systemLookup } from "node:dns";
import { Resolver } from "node:dns/promises";
import type { LookupFunction } from "node:net";

/** A sandbox nameserver is on this machine: an answer takes microseconds, so do not wait long for a dead one. */
const QUERY_TIMEOUT_MS = 1000;

/**
 * A `lookup` for net.connect that asks `nameserver` first.
 * @param nameserver "127.0.0.1:5353"; undefined or empty: no special lookup
 * @throws Error when it is not an address with an optional port
 */
export function lookupVia(nameserver: string | undefined): LookupFunction | undefined {
  if (nameserver === undefined || nameserver === "") return undefined;
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 1 });
  try {
    resolver.setServers([nameserver]);
  } catch (error) {
    throw new Error(
      `AVIARY_NAMESERVER is "${nameserver}": expected an IP address with a port, such as 127.0.0.1:5353`,
      {
        cause: error,
      },
    );
  }
  return (hostname, options, callback) => {
    const fallBack = () => systemLookup(hostname, options, callback);
    if (options.family === 6 || options.family === "IPv6") return fallBack();
    resolver.resolve4(hostname).then((addresses) => {
      const [first] = addresses;
      if (first === undefined) return fallBack();
      if (options.all === true)
        return callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      return callback(null, first, 4);
    }, fallBack);
  };
}
