import { expect, it } from "vitest";
import { SILENT_LOG } from "../../ports/log.ts";
import { aWireCanary } from "../../testing/canary.ts";
import { warnOfRenaming } from "./renamed.ts";

it.each<[string, string | undefined, string | undefined, readonly string[]]>([
  ["edited", "web", "shop", ["The service name changed to shop, remove web objects to avoid routing conflicts"]],
  ["left as it is", "web", "web", []],
  ["given for the first time", undefined, "shop", []],
  ["taken away", "web", undefined, ["The service name changed to , remove web objects to avoid routing conflicts"]],
])("R29: a service name that is %s", (_how, before, after, said) => {
  const lines: string[] = [];
  const named = (name: string | undefined) => aWireCanary({ service: name === undefined ? {} : { name } });
  const log = { ...SILENT_LOG, warn: (_fields: object, message: string) => void lines.push(message) };
  warnOfRenaming({ type: "modified", object: named(after), old: named(before) }, log);
  warnOfRenaming({ type: "added", object: named(after) }, log);
  expect(lines).toEqual(said);
});
