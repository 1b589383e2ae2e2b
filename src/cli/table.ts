import type { Command } from "./command.ts";
import { loadtesterCommand } from "./commands/loadtester.ts";
import { operatorCommand } from "./commands/operator.ts";
import { sandboxCommands } from "./commands/sandbox.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [...sandboxCommands, operatorCommand, loadtesterCommand];
