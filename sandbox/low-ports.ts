/**
 * Ports below 1024. Linux lets only root open such a port, unless the machine says otherwise, but the Service of a web
 * server has port 80 on every cluster. For another user the sandbox serves port N of a Service at N + 20000. Programs
 * in pods learn the shift from AVIARY_PORT_SHIFT; manifests and the API keep the Service's own port.
 */
import { createServer } from "node:net";

const FIRST_FREE = 1024;
const SHIFT = 20_000;

/** @param address of the sandbox itself @returns 0 when this user may open low ports there */
export function lowPortShift(address: string): Promise<number> {
  // A port that programs leave alone: only the right to open it matters.
  const UNUSED = 1;
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "EACCES" ? SHIFT : 0));
    server.listen(UNUSED, address, () => server.close(() => resolve(0)));
  });
}

/** @returns the port at which the mesh serves this port of a Service */
export const servedAt = (port: number, shift: number): number => (port < FIRST_FREE ? port + shift : port);
