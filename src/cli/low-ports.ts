/** Services with ports below 1024, such as the load tester's port 80, answer only where this user may open these ports. */
import { readFileSync } from "node:fs";

const FIRST_FREE = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/** @returns the warning; undefined when the user may open port 80 */
export function lowPortWarning(uid = process.getuid?.(), firstFree = firstFreePort()): string | undefined {
  if (uid === 0 || firstFree <= 80) return undefined;
  return (
    `ports below ${firstFree} need root on this machine, so Services with such ports do not answer, and ` +
    "the walk-through's load tester (port 80) is one of them: run it as root, in a container, or after " +
    "`sudo sysctl net.ipv4.ip_unprivileged_port_start=80`"
  );
}

function firstFreePort(): number {
  try {
    return Number(readFileSync(FIRST_FREE, "utf8"));
  } catch {
    return 1024;
  }
}
