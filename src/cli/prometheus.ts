/** Whether the Prometheus that is asked for can be had. */
import { findPrometheus } from "../../sandbox/prometheus/real.ts";
import { UserError } from "./command.ts";

/** @throws UserError when the real Prometheus is wanted and not installed */
export async function requirePrometheus(wanted: string): Promise<void> {
  if (wanted !== "real") return;
  if ((await findPrometheus()) !== undefined) return;
  throw new UserError(
    "--prometheus real: no prometheus in PATH; install it (apt-get install prometheus) or use embedded",
  );
}
