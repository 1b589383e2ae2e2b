/** Whether an AlertProvider works: sends one alert by it, now. */
import { errorText } from "../../error-text.ts";
import { notifierOf } from "../../operator/notify/alerting.ts";
import { systemClock } from "../../time/system-clock.ts";
import { asUserError, CLUSTER_OPTIONS, connectCluster } from "../cluster.ts";
import { type Command, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, oneOf, readOptions } from "../options.ts";
import { NAMESPACE } from "../steer/options.ts";

const OPTIONS = {
  severity: { type: "string", preset: "info", help: "info, warn or error" },
  message: { type: "string", preset: "This is a test of Aviary's alerts.", help: "what it says" },
  ...NAMESPACE,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export const alertTestCommand: Command = {
  help: `Usage: aviary alert test PROVIDER [OPTIONS]

Sends one alert by the AlertProvider, from this machine, with the Secret that the provider names. Exit code 1 when the
service does not take it.

Examples:
  aviary alert test on-call -n test
  aviary alert test on-call -n test --severity error --message "who gets this?"

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    const [word = "", ...more] = options.words;
    if (word === "" || more.length > 0) throw new UserError("use: aviary alert test PROVIDER", 2);
    const severity = oneOf(options, "severity", ["info", "warn", "error"]);
    const client = await connectCluster(options, env);
    const namespace = options.text("namespace") ?? client.namespace;
    const name = word.replace(/^alertproviders?\//, "");
    const what = `alert provider ${name}.${namespace}`;
    const read = (ref: Parameters<typeof client.kube.get>[0]) => client.kube.get(ref, signal);
    try {
      const notifier = await notifierOf({ name, namespace }, { clock: systemClock, read });
      const message = options.text("message") ?? "";
      const fields = [{ name: "Sent by", value: "aviary alert test" }];
      await notifier.post({ workload: `test.${namespace}`, message, severity, fields }, signal);
    } catch (error) {
      signal.throwIfAborted();
      const known = asUserError(error);
      if (known instanceof UserError) throw known;
      throw new UserError(`${what}: ${errorText(error)}`, 1, { cause: error });
    }
    out(`${what} has taken the alert\n`);
    return 0;
  },
};
