/** preStop hooks: the few shapes that make sense without a shell. */
import type { Clock } from "../../ports/clock.ts";
import type { KubeFields } from "../../ports/kubernetes.ts";
import { check, pause } from "./probes.ts";

/** Runs a container's preStop hook, for at most the grace period: `sleep`, `exec: sleep N`, `httpGet`. */
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
