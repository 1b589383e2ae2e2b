/** Reads a page of metrics as a scrape does. */
import { type Agent, request } from "undici";

const MEBIBYTE = 1024 * 1024;

/** @param largest MiB that are read at most @throws Error for another status than 200, and for a longer page */
export async function fetchText(url: string, agent: Agent, signal: AbortSignal, largest: number): Promise<string> {
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    signal,
    headers: { accept: "text/plain;version=0.0.4" },
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`server returned HTTP status ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > largest * MEBIBYTE) throw new Error(`the metrics are longer than ${largest} MiB`);
  }
  return Buffer.concat(chunks).toString();
}
