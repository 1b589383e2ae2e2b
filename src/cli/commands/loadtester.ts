import { readFileSync } from "node:fs";
import { errorText } from "../../error-text.ts";
import { LOADTESTER_USAGE, parseLoadtesterFlags } from "../../loadtester/flags.ts";
import { startLoadtester } from "../../loadtester/server.ts";
import { createDispatcher } from "../../net/dispatcher.ts";
import { createLogger } from "../../recorders/log/logger.ts";
import { systemClock } from "../../time/system-clock.ts";
import { type Command, UserError } from "../command.ts";

/** @throws UserError when the file cannot be read, or is empty: no token must not go for "no token needed" */
function tokenOf(file: string): string {
  if (file === "") return "";
  try {
    const token = readFileSync(file, "utf8").trim();
    if (token !== "") return token;
  } catch (error) {
    throw new UserError(`-token-file ${file}: ${errorText(error)}`);
  }
  throw new UserError(`-token-file ${file}: the file is empty, expected a token`);
}

export const loadtesterCommand: Command = {
  help: `Examples:\n  aviary loadtester -port 8080 -timeout 1h\n\n${LOADTESTER_USAGE}`,
  async run({ argv, env, out, err, signal }) {
    const read = parseLoadtesterFlags(argv);
    if (read.kind === "help") {
      out(read.text);
      return 0;
    }
    if (read.kind === "wrong") {
      err(read.text);
      return 2;
    }
    const { flags } = read;
    const log = createLogger({ level: flags.logLevel, encoding: flags.logEncoding });
    const host = env["AVIARY_LISTEN_ADDRESS"];
    const service = await startLoadtester({
      log,
      clock: systemClock,
      port: flags.port,
      timeoutMs: flags.timeoutMs,
      namespaceRegexp: flags.namespaceRegexp,
      namespaceRegexpFull: flags.namespaceRegexpFull,
      token: tokenOf(flags.tokenFile),
      commandEnv: flags.commandEnv,
      maxAwaited: flags.maxAwaited,
      dispatcher: createDispatcher({ tls: { rejectUnauthorized: false } }),
      ...(host === undefined ? {} : { host }),
    }).catch((error: unknown) => {
      throw new UserError(errorText(error));
    });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await service.stop();
    return 0;
  },
};
