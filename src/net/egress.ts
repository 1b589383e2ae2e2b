/**
 * Where the operator's requests may go. Tenants write addresses into Canaries, MetricTemplates and AlertProviders, and
 * the operator calls them from its own place in the network. So each address is checked after its name is resolved, at
 * every connection: a name whose address changes between two checks does not get around the rules.
 *
 *   always refused                     link-local addresses and the metadata services of clouds
 *   refused unless local is allowed    the operator's own machine, the API server of the cluster
 *   refused as configured              the networks of `-egress-deny-cidrs`
 */
import { BlockList, isIP } from "node:net";

export interface EgressRules {
  /** `-allow-local-egress` */
  readonly allowLocal: boolean;
  /** `-egress-deny-cidrs`, as in "10.0.0.0/8". */
  readonly denyCidrs: readonly string[];
  /** Host names or addresses of the API server. */
  readonly apiServers: readonly string[];
  /** URLs that the people who run the operator have configured: their hosts and ports are never refused. */
  readonly trusted: readonly string[];
}

export interface Egress {
  /** Whether the rules do not apply to this host and port. */
  trusts(host: string, port: string): boolean;
  /**
   * Why connecting to `host`, a name or an address, is refused. A name passes here; its addresses are checked when they
   * are resolved.
   */
  refusal(host: string): string | undefined;
}

/** A connection that the rules refuse. Trying again will not help. */
export class EgressRefused extends Error {
  override readonly name = "EgressRefused";
  readonly code = "EGRESS_REFUSED";
}

/** Link-local addresses, and the metadata services of clouds at other addresses: AWS, Google, Azure, Alibaba. */
const METADATA = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200"];
const LOCAL = ["127.0.0.0/8", "::1", "0.0.0.0/8", "::"];

/** @throws Error that names the entry which is no network */
export function createEgress({ allowLocal, denyCidrs, apiServers, trusted }: EgressRules): Egress {
  const metadata = listOf(METADATA);
  const local = listOf(allowLocal ? [] : LOCAL);
  const denied = listOf(denyCidrs);
  const servers = new Set(allowLocal ? [] : apiServers.map(plain));
  const hosts = new Set(trusted.flatMap(hostAndPort));
  return {
    trusts: (host, port) => hosts.has(`${plain(host)}:${port}`),
    refusal(host) {
      const name = plain(host);
      const refused = (why: string) => `connections to ${name} are refused: ${why}`;
      if (servers.has(name)) return refused("it is the Kubernetes API server; -allow-local-egress allows it");
      if (isIP(name) === 0) return undefined;
      for (const address of [name, ...embedded(name)]) {
        if (holds(metadata, address)) return refused("it is link-local or a cloud's metadata service");
        if (holds(local, address)) return refused("it is the operator's own machine; -allow-local-egress allows it");
        if (servers.has(address)) return refused("it is the Kubernetes API server; -allow-local-egress allows it");
        if (holds(denied, address)) return refused("-egress-deny-cidrs names its network");
      }
      return undefined;
    },
  };
}

/** For addresses that only the people who run a program choose: everything is allowed. */
export const ANYWHERE: Egress = { trusts: () => true, refusal: () => undefined };

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.trim().split("/");
    const kind = isIP(address);
    const bits = prefix === undefined ? (kind === 6 ? 128 : 32) : Number(prefix);
    if (kind === 0 || prefix === "" || !Number.isInteger(bits) || bits < 0 || bits > (kind === 6 ? 128 : 32)) {
      throw new Error(`"${network}" is no network: expected an address with a prefix, as in 10.0.0.0/8`);
    }
    list.addSubnet(address, bits, kind === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

const holds = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/** Without brackets, zone and the final dot of a fully qualified name. */
function plain(host: string): string {
  return host
    .replace(/^\[|\]$/g, "")
    .replace(/%.*$/, "")
    .replace(/\.$/, "")
    .toLowerCase();
}

function hostAndPort(address: string): string[] {
  if (!URL.canParse(address)) return [];
  const { hostname, port, protocol } = new URL(address);
  return [`${plain(hostname)}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`];
}

/** The IPv4 address within an IPv6 one: mapped (::ffff:a), compatible (::a), NAT64 (64:ff9b::a), 6to4 (2002:a::). */
function embedded(address: string): string[] {
  if (isIP(address) !== 6) return [];
  const groups = groupsOf(address);
  const v4 = (high = 0, low = 0) => [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const [first = 0, second = 0] = groups;
  const zeros = groups.slice(0, 5).every((group) => group === 0);
  if (zeros && (groups[5] === 0xffff || groups[5] === 0)) return [v4(groups[6], groups[7])];
  if (groups.slice(0, 4).every((group) => group === 0) && groups[4] === 0xffff) return [v4(groups[6], groups[7])];
  if (first === 0x64 && second === 0xff9b) return [v4(groups[6], groups[7])];
  return first === 0x2002 ? [v4(groups[1], groups[2])] : [];
}

function groupsOf(address: string): number[] {
  // A URL writes the last 32 bits in hexadecimal, too.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const numbers = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [left, right] = [numbers(head), numbers(tail ?? "")];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
