/**
 * Name resolution for outgoing connections. Inside the sandbox, Service names such as `podinfo.test` exist only on the
 * sandbox's own nameserver. AVIARY_NAMESERVER=address:port names it, and AVIARY_SEARCH lists the domains that complete
 * a short name, as /etc/resolv.conf does in a pod. For other names the machine's resolver is used.
 */
import { lookup as systemLookup } from "node:dns";
import { Resolver } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { type Egress, EgressRefused } from "./egress.ts";

/** A sandbox nameserver runs on this machine: an answer takes microseconds, so a dead one is given up soon. */
const QUERY_TIMEOUT_MS = 1000;

/** As kubelets configure it: a name with fewer dots is first completed by the search domains, then tried unchanged. */
const DOTS = 5;

/** The names to try, in order: `prometheus` in namespace test is first `prometheus.test.svc.cluster.local`. */
export function candidates(hostname: string, search: readonly string[]): readonly string[] {
  if (hostname.endsWith(".")) return [hostname.slice(0, -1)];
  if (hostname.split(".").length > DOTS) return [hostname];
  return [...search.map((domain) => `${hostname}.${domain}`), hostname];
}

/** The addresses that the nameserver knows for a host; empty when it knows none. */
export type SandboxNames = (hostname: string) => Promise<readonly string[]>;

/**
 * @param nameserver "127.0.0.1:5353"; undefined or empty: there is none, as outside the sandbox
 * @param search domains separated by spaces
 * @throws Error when it is not an address with an optional port
 */
export function sandboxNames(nameserver: string | undefined, search = ""): SandboxNames | undefined {
  if (nameserver === undefined || nameserver === "") return undefined;
  const domains = search.split(/\s+/).filter((domain) => domain !== "");
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 1 });
  try {
    resolver.setServers([nameserver]);
  } catch (error) {
    throw new Error(
      `AVIARY_NAMESERVER is "${nameserver}": expected an IP address with a port, such as 127.0.0.1:5353`,
      { cause: error },
    );
  }
  return (hostname) => firstKnown(resolver, candidates(hostname, domains));
}

/** A `lookup` for net.connect that asks the sandbox's nameserver first, see `sandboxNames`. */
export function lookupVia(nameserver: string | undefined, search?: string): LookupFunction | undefined {
  const addressesOf = sandboxNames(nameserver, search);
  if (addressesOf === undefined) return undefined;
  return (hostname, options, callback) => {
    const fallBack = () => systemLookup(hostname, options, callback);
    if (options.family === 6 || options.family === "IPv6") return fallBack();
    addressesOf(hostname).then((addresses) => {
      const [first] = addresses;
      if (first === undefined) return fallBack();
      const all = () => addresses.map((address) => ({ address, family: 4 }));
      return options.all === true ? callback(null, all()) : callback(null, first, 4);
    }, fallBack);
  };
}

async function firstKnown(resolver: Resolver, names: readonly string[]): Promise<readonly string[]> {
  for (const name of names) {
    // The resolver reports a name that the nameserver does not know as an error; the next name may be known.
    const addresses = await resolver.resolve4(name).catch(() => []);
    if (addresses.length > 0) return addresses;
  }
  return [];
}

/** As `lookup`, without the addresses that `egress` refuses: the checked address is the one that is connected to. */
export function guardedLookup(lookup: LookupFunction, egress: Egress): LookupFunction {
  return (hostname, options, callback) => {
    const refusal = egress.refusal(hostname);
    if (refusal !== undefined) return process.nextTick(callback, new EgressRefused(refusal), []);
    lookup(hostname, options, (error, found, family) => {
      if (error !== null) return callback(error, found, family);
      const all = typeof found === "string" ? [{ address: found, family: family ?? 4 }] : found;
      const [why] = all.flatMap(({ address }) => egress.refusal(address) ?? []);
      const allowed = all.filter(({ address }) => egress.refusal(address) === undefined);
      const [first] = allowed;
      if (first === undefined) return callback(why === undefined ? noAddress(hostname) : forName(hostname, why), []);
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

function forName(hostname: string, why: string): EgressRefused {
  return new EgressRefused(`${hostname}: ${why}`);
}

function noAddress(hostname: string): Error {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND", hostname });
}
