/** The proxy for a URL, by the usual environment variables (lower case wins, as in curl and Go). */
import { BlockList, isIP } from "node:net";

export type Environment = Readonly<Record<string, string | undefined>>;

/** @returns the proxy's URL; undefined: connect directly */
export type ProxyChoice = (url: URL) => string | undefined;

function read(env: Environment, name: string): string | undefined {
  const value = env[name.toLowerCase()] ?? env[name];
  return value === undefined || value === "" ? undefined : value;
}

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

type Rule = (host: string, port: string) => boolean;

/** "10.0.0.0/8", "10.1.2.3", "example.com" (and its subdomains), ".svc", "*.svc", "host:8080", "*" */
function ruleOf(entry: string): Rule {
  if (entry === "*") return () => true;
  const [network = "", prefix] = entry.split("/");
  if (prefix !== undefined && isIP(network) !== 0) {
    const block = new BlockList();
    block.addSubnet(network, Number(prefix), family(network));
    return (host) => isIP(host) !== 0 && block.check(host, family(host));
  }
  const withPort = isIP(entry) === 6 ? null : /^(.*):(\d+)$/.exec(entry);
  const name = bare(withPort?.[1] ?? entry).replace(/^\*/, "");
  const wantedPort = withPort?.[2];
  return (host, port) => {
    if (wantedPort !== undefined && wantedPort !== port) return false;
    return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
  };
}

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Loopback is never sent through a proxy. */
export function proxyChoice(env: Environment): ProxyChoice {
  const proxies = { "http:": read(env, "HTTP_PROXY"), "https:": read(env, "HTTPS_PROXY") };
  const rules = (read(env, "NO_PROXY") ?? "")
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .map(ruleOf);
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  return (url) => {
    const proxy = url.protocol === "https:" ? proxies["https:"] : proxies["http:"];
    if (proxy === undefined) return undefined;
    const host = bare(url.hostname);
    if (host === "localhost" || (isIP(host) !== 0 && loopback.check(host, family(host)))) return undefined;
    const port = url.port !== "" ? url.port : url.protocol === "https:" ? "443" : "80";
    if (rules.some((rule) => rule(host, port))) return undefined;
    return proxy.includes("://") ? proxy : `http://${proxy}`;
  };
}
