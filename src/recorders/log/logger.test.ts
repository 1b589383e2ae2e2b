import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";

function logged(encoding: string) {
  const lines: string[] = [];
  return { log: createLogger({ level: "info", encoding, write: (line) => void lines.push(line) }), lines };
}

describe("log lines", () => {
  it.each(["json", "console"])("of %s hold 16 KiB at most, also with a longer text of a server", (encoding) => {
    const { log, lines } = logged(encoding);
    const huge = "x".repeat(1_000_000);
    log.info({ canary: "podinfo.test", answer: huge, nested: { list: Array(20).fill(huge) } }, huge);
    log.error({ err: new Error(huge) }, `turn failed: ${huge}`);
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line.length).toBeLessThan(16_500);
      expect(line.endsWith("\n")).toBe(true);
    }
    if (encoding === "json") expect(JSON.parse(lines[1] ?? "")).toMatchObject({ level: "error" });
  });

  it("of the console are one line, also for a message of several lines", () => {
    const { log, lines } = logged("console");
    log.info({}, 'a\n{"level":"info","msg":"forged"}\u001b[2J');
    log.info({}, "plain");
    expect(lines.map((line) => line.split("\n").length)).toEqual([2, 2]);
    expect(lines[0]).toContain('"a\\n{\\"level\\":\\"info\\",\\"msg\\":\\"forged\\"}\\u001b[2J"');
    expect(lines[1]).toMatch(/\tinfo\tplain\n$/);
  });
});
