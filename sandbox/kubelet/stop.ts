/** How a pod is taken out of service before its programs stop. */
import type { Clock } from "../../src/ports/clock.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Cluster } from "../cluster.ts";
import { check, pause } from "./probes.ts";

/**
 * Runs a container's preStop hook, for at most the grace period: `sleep`, `exec: sleep N`, `httpGet`. There is no
 * shell.
 */
export async function preStop(
  container: KubeFields,
  address: string,
  graceMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const hook = container.lifecycle?.preStop;
  if (hook === undefined) return;
  const command = (hook.exec?.command ?? []).join(" ");
  const seconds = hook.sleep?.seconds ?? /\bsleep (\d+(?:\.\d+)?)/.exec(command)?.[1];
  if (seconds !== undefined) await pause(clock, Math.min(Number(seconds) * 1000, graceMs), signal);
  if (hook.httpGet !== undefined) {
    const probe = { httpGet: hook.httpGet, timeoutSeconds: graceMs / 1000 };
    await check(probe, { address, ports: container.ports ?? [] }, signal);
  }
}

/** The longest wait until endpoints drop a pod: a user may have listed its address by hand. */
const LONGEST_WAIT_MS = 2_000;

/** Resolves when no Endpoints of the namespace list the address any longer. */
export async function forgottenByEndpoints(
  cluster: Cluster,
  namespace: string,
  address: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const lists = (endpoints: KubeObject) =>
    ((endpoints["subsets"] ?? []) as readonly KubeFields[]).some((subset) =>
      subset.addresses?.some((entry: KubeFields) => entry.ip === address),
    );
  const listing = new Set(
    cluster
      .list(RESOURCES.endpoints, namespace)
      .filter(lists)
      .map(({ metadata }) => metadata.name),
  );
  if (listing.size === 0) return;
  const enough = new AbortController();
  let stop: () => void = () => {};
  const forgotten = new Promise<void>((resolve) => {
    stop = cluster.watch(RESOURCES.endpoints, ({ type, object }) => {
      if (object.metadata.namespace !== namespace) return;
      if (type !== "DELETED" && lists(object)) listing.add(object.metadata.name);
      else listing.delete(object.metadata.name);
      if (listing.size === 0) resolve();
    });
  });
  await Promise.race([forgotten, pause(clock, LONGEST_WAIT_MS, AbortSignal.any([signal, enough.signal]))]);
  enough.abort();
  stop();
}
