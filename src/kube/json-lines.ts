/** A watch answers with one JSON object per line. Chunks may end anywhere, also inside a character. */
import { giveWay, pace } from "../async/give-way.ts";
import type { KubeFields } from "../ports/kubernetes.ts";

/** @throws SyntaxError when a line is not JSON */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<KubeFields, void, undefined> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of chunks) {
    let rest = decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end !== -1; end = rest.indexOf("\n")) {
      const line = [...parts, rest.slice(0, end)].join("");
      parts = [];
      rest = rest.slice(end + 1);
      if (line.trim() === "") continue;
      const object: KubeFields = JSON.parse(line);
      await giveWay(line.length);
      // A chunk may hold hundreds of short lines, and thousands may have come meanwhile.
      const round = pace();
      if (round !== undefined) await round;
      yield object;
    }
    if (rest !== "") parts.push(rest);
  }
  // The connection cut off the last line: the watch resumes before it.
}
