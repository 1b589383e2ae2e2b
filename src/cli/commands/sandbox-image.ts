/** `aviary sandbox image`: which program of this machine runs for an image. */
import { resolve } from "node:path";
import { editImageFile, type ImageProgram, readImageFile } from "../../../sandbox/programs/image-file.ts";
import { errorText } from "../../error-text.ts";
import { alignColumns } from "../columns.ts";
import { type Command, type CommandContext, type ExitCode, UserError } from "../command.ts";
import { describeOptions, type OptionSpec, oneOf, type ReadOptions, readOptions, TABLE_OUTPUT } from "../options.ts";
import { DEFAULT_STATE_DIR, imageFileOf, stateFolder } from "../sandbox-state.ts";

const STATE_DIR: OptionSpec = { type: "string", preset: DEFAULT_STATE_DIR, help: "folder of the sandbox" };
const ADD_OPTIONS = {
  command: { type: "string", help: 'program and arguments, e.g. "node server.js"; it listens on $PORT' },
  "working-dir": { type: "string", help: "folder in which the program starts; this folder when absent" },
  "state-dir": STATE_DIR,
} as const satisfies Record<string, OptionSpec>;
const OTHER_OPTIONS = { "state-dir": STATE_DIR };

const LIST_OPTIONS = {
  ...OTHER_OPTIONS,
  ...TABLE_OUTPUT,
} as const satisfies Record<string, OptionSpec>;

export const sandboxImageAddCommand: Command = {
  help: `The image may carry a tag: then the entry is for that tag alone, so that two versions can be two programs.
Entries are in images.yaml of the sandbox's folder; a running sandbox sees them at once.

Examples:
  aviary sandbox image add ghcr.io/me/shop --command "node server.js"
  aviary sandbox image add ghcr.io/me/shop:1.1.0 --command "node server.js --fast"

${describeOptions(ADD_OPTIONS)}`,
  run: add,
};
export const sandboxImageListCommand: Command = {
  help: `Examples:\n  aviary sandbox image list\n\n${describeOptions(LIST_OPTIONS)}`,
  run: list,
};
export const sandboxImageRemoveCommand: Command = {
  help: `Examples:\n  aviary sandbox image remove ghcr.io/me/shop:1.1.0\n\n${describeOptions(OTHER_OPTIONS)}`,
  run: remove,
};

const fileOf = (options: ReadOptions): string =>
  imageFileOf(stateFolder(options.text("state-dir") ?? DEFAULT_STATE_DIR).dir);

/** @throws UserError (exit code 2) */
function imageIn({ words }: ReadOptions): string {
  const [image, ...more] = words;
  if (image !== undefined && more.length === 0) return image;
  throw new UserError("needs one image, such as ghcr.io/me/shop; see --help", 2);
}

function add({ argv, out }: CommandContext): Promise<ExitCode> {
  const options = readOptions(argv, ADD_OPTIONS);
  const image = imageIn(options);
  const command = options.text("command") ?? "";
  if (command.trim() === "") throw new UserError('needs --command, such as --command "node server.js"', 2);
  const program: ImageProgram = { command, workingDir: resolve(options.text("working-dir") ?? ".") };
  readable(() => editImageFile(fileOf(options), image, program));
  out(`image ${image} runs: ${command} (in ${program.workingDir})\n`);
  return Promise.resolve(0);
}

function remove({ argv, out }: CommandContext): Promise<ExitCode> {
  const options = readOptions(argv, OTHER_OPTIONS);
  const image = imageIn(options);
  if (!readable(() => editImageFile(fileOf(options), image, undefined))) {
    throw new UserError(`there is no entry for the image ${image}: see aviary sandbox image list`);
  }
  out(`image ${image} is not mapped any more; pods that run it go on until they are replaced\n`);
  return Promise.resolve(0);
}

function list({ argv, out }: CommandContext): Promise<ExitCode> {
  const options = readOptions(argv, LIST_OPTIONS);
  const output = oneOf(options, "output", ["table", "json"]);
  const images = [...readable(() => readImageFile(fileOf(options)))];
  if (output === "json")
    out(
      `${JSON.stringify(
        images.map(([image, program]) => ({ image, ...program })),
        null,
        2,
      )}\n`,
    );
  else if (images.length === 0) out("no image is mapped; see aviary sandbox image add --help\n");
  else {
    const rows = images.map(([image, { command, workingDir = "" }]) => `${image}\t${command}\t${workingDir}`);
    out(`${alignColumns(["IMAGE\tCOMMAND\tFOLDER", ...rows])}\n`);
  }
  return Promise.resolve(0);
}

function readable<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new UserError(errorText(cause), 1, { cause });
  }
}
