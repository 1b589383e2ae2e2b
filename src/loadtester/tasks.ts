/** The task types, by `metadata.type`. */

import { parseBool } from "../go/flags.ts";
import type { Log } from "../ports/log.ts";
import type { CommandOutcome } from "./children.ts";
import { type Command, shellCommand, toolCommand } from "./commands.ts";
import { prepareConcord } from "./concord.ts";
import { prepareNgrinder } from "./ngrinder.ts";
import { canaryOf, type TaskPayload } from "./payload.ts";
import type { PreparedTask, TaskPorts } from "./prepared-task.ts";
import { redacted } from "./redact.ts";

type TaskType = (ports: TaskPorts, payload: TaskPayload) => Promise<PreparedTask>;

const TASK_TYPES: Readonly<Record<string, TaskType>> = {
  cmd: queuedCommand,
  bash: awaitedCommand((ports, command) => {
    ports.log.info({}, `bash command ${redacted(command)}`);
    return shellCommand(ports, "bash", command);
  }),
  helm: awaitedCommand(tool("helm")),
  helmv3: awaitedCommand(tool("helm")),
  kubectl: awaitedCommand(tool("kubectl")),
  ngrinder: prepareNgrinder,
  concord: prepareConcord,
};

export async function prepareTask(ports: TaskPorts, payload: TaskPayload): Promise<PreparedTask> {
  if (Object.keys(payload.metadata).length === 0) {
    return { kind: "invalid", message: "metadata not found in payload" };
  }
  const type = payload.metadata.type ?? "cmd";
  const prepare = Object.hasOwn(TASK_TYPES, type) ? TASK_TYPES[type] : undefined;
  if (prepare === undefined) return { kind: "invalid", message: `unknown task type ${type}` };
  return prepare(ports, payload);
}

/** helm and kubectl get their arguments split on whitespace, without any quoting (Q84). */
function tool(name: string): (ports: TaskPorts, command: string) => Promise<Command> {
  return (ports, command) => {
    const args = command.split(/\s+/).filter((word) => word !== "");
    ports.log.info({}, `running command ${name} ${redacted(args.join(" "))}`);
    return toolCommand(ports, name, args);
  };
}

async function queuedCommand(ports: TaskPorts, payload: TaskPayload): Promise<PreparedTask> {
  const text = payload.metadata.cmd ?? "";
  if (text === "") return { kind: "invalid", message: "cmd not found in metadata" };
  const command = await shellCommand(ports, "sh", text);
  if (command.kind === "refused")
    return { kind: "invalid", message: `cannot run ${redacted(text)}: ${command.reason}` };
  const canary = canaryOf(payload);
  const logOutput = parseBool(payload.metadata.logCmdOutput ?? "") === true;
  return {
    kind: "queued",
    task: {
      id: `${canary} ${text}`,
      canary,
      title: redacted(text),
      run: async (signal) => logOutcome(ports.log, canary, text, await command.run(signal), logOutput),
    },
  };
}

function awaitedCommand(find: (ports: TaskPorts, command: string) => Promise<Command>): TaskType {
  return async (ports, payload) => {
    const text = payload.metadata.cmd ?? "";
    if (text === "") return { kind: "invalid", message: "cmd not found in metadata" };
    const command = await find(ports, text);
    const canary = canaryOf(payload);
    return {
      kind: "awaited",
      run: async (signal) => {
        if (command.kind === "refused") {
          ports.log.error({ canary }, `command failed ${redacted(text)} ${command.reason}`);
          return { output: "", failure: `command ${redacted(text)} failed: ${command.reason}` };
        }
        const outcome = await command.run(signal);
        logOutcome(ports.log, canary, text, outcome, true);
        if (outcome.error === "") return { output: outcome.output };
        return {
          output: outcome.output,
          failure: `command ${redacted(text)} failed: ${outcome.output}: ${outcome.error}`,
        };
      },
    };
  };
}

/** Longest output of a command in one line of the log. */
const LONGEST_LOGGED = 16 * 1024;

function logOutcome(log: Log, canary: string, command: string, outcome: CommandOutcome, logOutput: boolean): void {
  const text = redacted(command);
  const output = outcome.output.slice(-LONGEST_LOGGED);
  if (outcome.error !== "") {
    log.error({ canary }, `command failed ${text} ${outcome.error} ${output}`);
    return;
  }
  log.info(logOutput ? { canary, output } : { canary }, `command finished ${text}`);
}
