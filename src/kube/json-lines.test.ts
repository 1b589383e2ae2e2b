import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { jsonLines } from "./json-lines.ts";

async function* chunksOf(...texts: readonly string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

it("lines may be divided anywhere, also within a character", async () => {
  const [bytes, read]: [Uint8Array, unknown[]] = [new TextEncoder().encode('{"a":"é"}\n\n{"b":2}\n{"cut'), []];
  async function* bytewise() {
    for (const byte of bytes) yield Uint8Array.of(byte);
  }
  for await (const object of jsonLines(bytewise())) read.push(object);
  expect(read).toEqual([{ a: "é" }, { b: 2 }]);
});

it("thousands of short lines that come at once let others go first", async () => {
  const order: string[] = [];
  const other = setImmediate().then(() => order.push("another"));
  for await (const { name } of jsonLines(chunksOf('{"name":"a"}\n{"name":"b"}\n{"name":"c"}\n'))) {
    const until = performance.now() + 10;
    while (performance.now() < until);
    order.push(name);
  }
  await other;
  expect(order.indexOf("another")).toBeLessThan(order.indexOf("c"));
});
