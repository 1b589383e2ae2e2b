/** SPDY/3 as bytes. `streams.test.ts` tries it with kubectl. */
import { Buffer } from "node:buffer";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HEADER_DICTIONARY } from "./dictionary.ts";
import { controlFrame, dataFrame, FIN, frameReader, headerBlock, headersOf, TYPES, words } from "./frames.ts";

describe("SPDY", () => {
  it("knows the dictionary that all ends of SPDY/3 know", () => {
    // A compressed text names its dictionary by a checksum; this is the one of SPDY/3.
    expect(deflateSync("", { dictionary: HEADER_DICTIONARY }).subarray(2, 6).toString("hex")).toBe("e3c6a7c2");
  });

  it("cuts frames out of chunks of any size", () => {
    const bytes = Buffer.concat([
      controlFrame(TYPES.ping, words(7)),
      dataFrame(3, Buffer.from("hello")),
      dataFrame(3, Buffer.alloc(0), FIN),
    ]);
    const read = frameReader();
    const frames = [...bytes].flatMap((byte) => read(Buffer.of(byte)));
    expect(frames).toEqual([
      { kind: "control", type: TYPES.ping, flags: 0, payload: words(7) },
      { kind: "data", stream: 3, flags: 0, payload: Buffer.from("hello") },
      { kind: "data", stream: 3, flags: FIN, payload: Buffer.alloc(0) },
    ]);
  });

  it("reads the headers that it writes", () => {
    expect([...headersOf(headerBlock({ streamtype: "data", port: "8080" }))]).toEqual([
      ["streamtype", "data"],
      ["port", "8080"],
    ]);
  });
});
