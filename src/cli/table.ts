import type { Command } from "./command.ts";
import { applyCommand } from "./commands/apply.ts";
import { describeCommand } from "./commands/describe.ts";
import { getCommand } from "./commands/get.ts";
import { loadtesterCommand } from "./commands/loadtester.ts";
import { operatorCommand } from "./commands/operator.ts";
import { sandboxCommands } from "./commands/sandbox.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  ...sandboxCommands,
  applyCommand,
  getCommand,
  describeCommand,
  operatorCommand,
  loadtesterCommand,
];
