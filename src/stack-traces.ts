/**
 * Stack traces name the lines of the sources, not those of the bundle. Node could do the same by --enable-source-maps,
 * and would read each map at the start. Here a map is read when the first stack that needs the map is looked at.
 */
import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
/** The bundle's folder: this file is in its `src/`. */
const BUNDLE = dirname(HERE);

export function mapStackTraces(): void {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (file: string) => {
    if (!maps.has(file)) maps.set(file, readMap(`${file}.map`));
    return maps.get(file);
  };
  Error.prepareStackTrace = (error, frames) =>
    [headOf(error), ...frames.map((frame) => `    at ${frameText(frame, mapOf)}`)].join("\n");
}

/** As V8 does it, also for an object that is no error. */
function headOf(error: unknown): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

function frameText(frame: NodeJS.CallSite, mapOf: (file: string) => SourceMap | undefined): string {
  const text = String(frame);
  const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
  const url = frame.getFileName();
  if (!url?.startsWith("file:") || line === null || column === null) return text;
  const file = fileURLToPath(url);
  if (!file.startsWith(BUNDLE)) return text;
  const found = mapOf(file)?.findEntry(line - 1, column - 1);
  if (found === undefined || !("originalSource" in found)) return text;
  const source = resolve(dirname(file), found.originalSource);
  const place = `${relative(dirname(BUNDLE), source)}:${found.originalLine + 1}:${found.originalColumn + 1}`;
  return text.replace(`${url}:${line}:${column}`, place);
}

/** undefined: there is none, or it cannot be read, and the stack names the lines of the bundle. */
function readMap(file: string): SourceMap | undefined {
  try {
    return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined;
  } catch {
    return undefined;
  }
}
