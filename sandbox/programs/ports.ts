/** Free ports of this machine. */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

/**
 * Systems give ports from 32768 on to connections that go out. Such a port may be taken between now and the start of
 * the program that is to listen for it: a busy machine takes hundreds in a second.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const MOST_TRIES = 1_000;

/**
 * All are held until the last one is known, so that they differ.
 * @throws Error when the machine has hardly any port left
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  try {
    for (let tries = 0; held.length < count; tries += 1) {
      if (tries === MOST_TRIES) throw new Error(`no ${count} ports from ${LOWEST} to ${HIGHEST} are free`);
      const port = randomInt(LOWEST, HIGHEST + 1);
      const server = await listen(port, "127.0.0.1");
      if (server !== undefined) held.push({ port, server });
    }
  } finally {
    await Promise.all(held.map(({ server }) => close(server)));
  }
  return held.map(({ port }) => port);
}

/** Whether a program may listen for the port on every address. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port, "0.0.0.0");
  if (server === undefined) return false;
  await close(server);
  return true;
}

/** @returns undefined when the port is taken */
function listen(port: number, address: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, address, () => resolve(server));
  });
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
