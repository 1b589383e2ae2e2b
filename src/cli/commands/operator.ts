import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorText } from "../../error-text.ts";
import { describeOperatorFlags, readOperatorFlags } from "../../operator/process/flags.ts";
import { runOperator } from "../../operator/process/process.ts";
import { createLogger } from "../../recorders/log/logger.ts";
import { DEFAULT_PROVIDER } from "../../routers/table.ts";
import { systemClock } from "../../time/system-clock.ts";
import { FLAGGER_VERSION } from "../../version.ts";
import type { Command } from "../command.ts";

export const operatorCommand: Command = {
  help: `Takes Flagger's flags, with one dash or two.

Examples:
  aviary operator -kubeconfig ~/.kube/config -mesh-provider ${DEFAULT_PROVIDER} -metrics-server http://127.0.0.1:9090

${describeOperatorFlags()}`,
  async run({ argv, env, out, err, signal }) {
    const read = readOperatorFlags(argv, env);
    if (read.kind === "help") {
      out(`Usage of operator:\n${describeOperatorFlags()}\n`);
      return 0;
    }
    if (read.kind === "version") {
      out(`Flagger version ${FLAGGER_VERSION} revision  aviary\n`);
      return 0;
    }
    if (read.kind === "wrong") {
      err(`${read.message}\nUsage of operator:\n${describeOperatorFlags()}\n`);
      return 2;
    }
    const { flags } = read;
    const log = createLogger({ level: flags.logLevel, encoding: flags.zapEncoding });
    const host = env["AVIARY_LISTEN_ADDRESS"];
    try {
      const end = await runOperator({
        flags,
        log,
        signal,
        version: FLAGGER_VERSION,
        clock: systemClock,
        random: Math.random,
        ...quarantineFile(env),
        ...(host === undefined ? {} : { host }),
      });
      return end.kind === "lost" ? 1 : 0;
    } catch (error) {
      if (signal.aborted) return 0;
      log.fatal({}, errorText(error));
      return 1;
    }
  },
};

/**
 * In a pod the folder for temporary files is the operator's own; elsewhere others share it, and a name must be given.
 */
function quarantineFile(env: Readonly<Record<string, string | undefined>>): { readonly quarantineFile?: string } {
  const named = env["AVIARY_QUARANTINE_FILE"];
  if (named !== undefined) return { quarantineFile: named };
  return env["KUBERNETES_SERVICE_HOST"] === undefined
    ? {}
    : { quarantineFile: join(tmpdir(), "aviary-quarantine.json") };
}
