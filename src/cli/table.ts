import type { Command } from "./command.ts";
import { applyCommand } from "./commands/apply.ts";
import { bumpCommand } from "./commands/bump.ts";
import { demoCommand } from "./commands/demo.ts";
import { describeCommand } from "./commands/describe.ts";
import { getCommand } from "./commands/get.ts";
import { loadtesterCommand } from "./commands/loadtester.ts";
import { operatorCommand } from "./commands/operator.ts";
import { planCommand } from "./commands/plan.ts";
import { sandboxCommands } from "./commands/sandbox.ts";
import { waitCommand } from "./commands/wait.ts";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  demoCommand,
  ...sandboxCommands,
  planCommand,
  applyCommand,
  getCommand,
  describeCommand,
  waitCommand,
  bumpCommand,
  operatorCommand,
  loadtesterCommand,
];
