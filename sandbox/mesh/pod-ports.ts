/**
 * Ports of pods that traffic is sent to, each with its own kept-alive connections. A port that no Service lists any
 * longer is retired: it is never picked again, idle connections close at once, and requests in flight finish.
 */
import { Agent } from "node:http";
import type { PodFacts } from "./registry.ts";

export interface PodPort {
  readonly address: string;
  readonly port: number;
  readonly agent: Agent;
  /** Who listens there; undefined for endpoints that are no pods. */
  pod: PodFacts | undefined;
  retired: boolean;
}

export interface PodPorts {
  /** The target of an address; every call needs a `release`. */
  acquire(address: string, port: number): PodPort;
  release(target: PodPort): void;
  /** The pod at an address became known or another one. */
  identify(pod: PodFacts): void;
  /** Cuts all connections. */
  stop(): void;
}

/** Idle connections kept per pod. */
const IDLE_CONNECTIONS = 256;
/**
 * Shorter than the 5 s after which Node's servers close: the mesh must close first, or a request would meet the end.
 */
const IDLE_MS = 4_000;

export function createPodPorts(podAt: (address: string) => PodFacts | undefined): PodPorts {
  const known = new Map<string, { readonly target: PodPort; holders: number }>();
  const agents = new Set<Agent>();
  return {
    acquire: (address, port) => {
      const key = `${address}:${port}`;
      let entry = known.get(key);
      if (entry === undefined) {
        const agent = new Agent({
          keepAlive: true,
          maxFreeSockets: IDLE_CONNECTIONS,
          scheduling: "lifo",
          timeout: IDLE_MS,
        });
        agents.add(agent);
        entry = { target: { address, port, agent, pod: podAt(address), retired: false }, holders: 0 };
        known.set(key, entry);
      }
      entry.holders += 1;
      return entry.target;
    },
    release: (target) => {
      const key = `${target.address}:${target.port}`;
      const entry = known.get(key);
      if (entry?.target !== target) return;
      entry.holders -= 1;
      if (entry.holders > 0) return;
      known.delete(key);
      retire(target, agents);
    },
    identify: (pod) => {
      for (const { target } of known.values()) {
        if (target.address === pod.address) target.pod = pod;
      }
    },
    stop: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

function retire(target: PodPort, agents: Set<Agent>): void {
  const { agent } = target;
  target.retired = true;
  // Connections in use come back to the agent when their request is done, and are closed then.
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of [...(sockets ?? [])]) socket.destroy();
  }
  const forgetWhenIdle = () => {
    if (Object.keys(agent.sockets).length === 0) agents.delete(agent);
  };
  agent.on("free", () => setImmediate(forgetWhenIdle));
  forgetWhenIdle();
}
