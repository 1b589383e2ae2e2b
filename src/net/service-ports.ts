/**
 * Ports of Services below 1024. Linux lets only root open such a port, so the sandbox of another user serves port N of
 * a Service at N + AVIARY_PORT_SHIFT. Hosts outside the sandbox keep their ports.
 */
import { isIP } from "node:net";
import { sandboxNames } from "./name-lookup.ts";
import type { Environment } from "./proxy-choice.ts";

/** @returns the port at which the host serves `port` */
export type ServicePorts = (hostname: string, port: number) => Promise<number>;

const FIRST_FREE = 1024;

/** @returns undefined: every port is where it says @throws Error when AVIARY_PORT_SHIFT is no number */
export function servicePorts(env: Environment): ServicePorts | undefined {
  const { AVIARY_NAMESERVER: nameserver = "", AVIARY_SEARCH: search, AVIARY_PORT_SHIFT: text = "" } = env;
  if (text === "") return undefined;
  const addressesOf = sandboxNames(nameserver, search);
  if (addressesOf === undefined) return undefined;
  const shift = Number(text);
  if (!Number.isInteger(shift))
    throw new Error(`AVIARY_PORT_SHIFT is "${text}": expected a whole number, such as 20000`);
  // The sandbox's addresses share two numbers: 127.70.0.53 is its nameserver, 127.70.200.1 a Service.
  const block = `${nameserver.split(".").slice(0, 2).join(".")}.`;
  return async (hostname, port) => {
    if (port >= FIRST_FREE) return port;
    const known = isIP(hostname) === 0 ? (await addressesOf(hostname)).length > 0 : hostname.startsWith(block);
    return known ? port + shift : port;
  };
}
