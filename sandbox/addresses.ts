/**
 * Loopback addresses. Linux answers on all of 127.0.0.0/8 without any set-up, so every pod and every Service of a
 * sandbox gets an address of its own. A sandbox claims one /16 block; the claim is a listening socket, so that it ends
 * with the process, however that ends, and several sandboxes live side by side.
 *
 *   127.B.0.y      the sandbox's own parts (API server, mesh, nameserver)
 *   127.B.1-127.y  pods
 *   127.B.128-254.y Services (cluster IPs)
 */
import { createServer, type Server } from "node:net";

const FIRST_BLOCK = 64;
const LAST_BLOCK = 250;
const CLAIM_PORT = 42_042;
const HOSTS_PER_SUBNET = 254;

export interface AddressBlock {
  /** "127.B" */
  readonly prefix: string;
  /** A free pod address. Released addresses are reused last, so that late requests to a dead pod reach no other pod. */
  pod(): string;
  releasePod(address: string): void;
  /** A free cluster IP. */
  service(): string;
  releaseService(address: string): void;
  /** 127.B.0.host for the sandbox's own parts, host 2 to 254. */
  own(host: number): string;
  /** Gives the block back. */
  release(): Promise<void>;
}

/** @throws Error when all blocks are taken, or when this machine has no 127.0.0.0/8 (not Linux) */
export async function claimAddressBlock(): Promise<AddressBlock> {
  const start = FIRST_BLOCK + (process.pid % (LAST_BLOCK - FIRST_BLOCK));
  for (let i = 0; i <= LAST_BLOCK - FIRST_BLOCK; i += 1) {
    const block = FIRST_BLOCK + ((start - FIRST_BLOCK + i) % (LAST_BLOCK - FIRST_BLOCK + 1));
    const claim = await tryClaim(`127.${block}.0.1`);
    if (claim !== undefined) return addressBlock(`127.${block}`, claim);
  }
  throw new Error(
    `no free address block in 127.${FIRST_BLOCK}.0.0 to 127.${LAST_BLOCK}.0.0: stop another sandbox first`,
  );
}

function tryClaim(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(new Error(`cannot listen on ${address} (${error.code}): the sandbox needs Linux's 127.0.0.0/8`));
    });
    server.listen(CLAIM_PORT, address, () => {
      server.unref();
      resolve(server);
    });
  });
}

function addressBlock(prefix: string, claim: Server): AddressBlock {
  const pods = pool(prefix, 1, 127);
  const services = pool(prefix, 128, 254);
  return {
    prefix,
    pod: pods.take,
    releasePod: pods.give,
    service: services.take,
    releaseService: services.give,
    own: (host) => `${prefix}.0.${host}`,
    release: () => new Promise((resolve) => claim.close(() => resolve())),
  };
}

function pool(prefix: string, firstSubnet: number, lastSubnet: number) {
  const size = (lastSubnet - firstSubnet + 1) * HOSTS_PER_SUBNET;
  const released: string[] = [];
  let next = 0;
  const take = (): string => {
    if (next < size) {
      const subnet = firstSubnet + Math.floor(next / HOSTS_PER_SUBNET);
      const host = 1 + (next % HOSTS_PER_SUBNET);
      next += 1;
      return `${prefix}.${subnet}.${host}`;
    }
    const reused = released.shift();
    if (reused === undefined) throw new Error(`all ${size} addresses of ${prefix}.0.0/16 are in use`);
    return reused;
  };
  return { take, give: (address: string) => void released.push(address) };
}
