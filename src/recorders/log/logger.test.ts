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

  it.each(["json", "console"])("of %s are made without reading what is too large or too strange", (encoding) => {
    const { log, lines } = logged(encoding);
    let read = 0;
    const item = () => ({
      get name() {
        read += 1;
        return "x".repeat(100);
      },
    });
    const circle: Record<string, unknown> = { canary: "podinfo.test" };
    circle["itself"] = circle;
    log.warn({ items: Array.from({ length: 20_000 }, item) }, "a large list");
    log.warn(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, "x".repeat(50)])), "a large map");
    log.warn(circle, "a circle");
    log.warn({ bytes: Buffer.alloc(10_000_000), big: 10n, work: () => undefined }, "bytes");
    log.warn(
      {
        broken: {
          get it() {
            throw new Error("no");
          },
        },
      },
      "a getter that throws",
    );
    log.warn({ text: "\u0000".repeat(5_000) }, "escapes");
    expect(read).toBeLessThan(1_000);
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(16_384);
  });

  it("of an error keep its message, its stack and its cause", () => {
    const { log, lines } = logged("json");
    log.error({ err: new Error("no answer", { cause: new Error("refused") }) }, "turn failed");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      msg: "turn failed",
      err: {
        type: "Error",
        message: "no answer",
        stack: expect.stringContaining("logger.test"),
        cause: { message: "refused" },
      },
    });
  });
});
