/** Reads a page of metrics as a scrape does. */
import { StringDecoder } from "node:string_decoder";
import { type Agent, request } from "undici";

const MEBIBYTE = 1024 * 1024;

/** @param largest MiB that are read at most @throws Error for another status than 200, and for a longer page */
export async function fetchText(url: string, agent: Agent, signal: AbortSignal, largest: number): Promise<string> {
  const page = await fetchBlocks(url, agent, { signal, largest });
  let text = "";
  if (page.kind === "page") for await (const block of page.blocks) text += `${block}\n`;
  return text;
}

export interface BlocksOptions {
  readonly signal: AbortSignal;
  /** MiB that are read at most. */
  readonly largest: number;
  /** The ETag of the page that the caller knows. */
  readonly known?: string | undefined;
}

/** What a server answered to the question for its metrics. */
export type Page =
  /** The page is the one that the caller knows. */
  | { readonly kind: "unchanged" }
  | {
      readonly kind: "page";
      readonly tag: string | undefined;
      /** Whole lines in blocks, without the end of each block's last line. */
      readonly blocks: AsyncIterable<string>;
    };

/**
 * A page in blocks as the network gives them. The text of a whole page is longer than what V8 puts among its young
 * objects: one each second fills the memory until the next full collection of garbage.
 * @throws Error for another status than 200 and 304; the blocks throw for a page that is too long
 */
export async function fetchBlocks(url: string, agent: Agent, options: BlocksOptions): Promise<Page> {
  const { signal, largest, known } = options;
  const { statusCode, headers, body } = await request(url, {
    dispatcher: agent,
    signal,
    headers: { accept: "text/plain;version=0.0.4", ...(known !== undefined && { "if-none-match": known }) },
  });
  if (statusCode === 304 && known !== undefined) {
    await body.dump();
    return { kind: "unchanged" };
  }
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`server returned HTTP status ${statusCode}`);
  }
  const { etag } = headers;
  return { kind: "page", tag: typeof etag === "string" ? etag : undefined, blocks: wholeLines(body, largest) };
}

async function* wholeLines(body: AsyncIterable<Buffer>, largest: number): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let size = 0;
  let rest = "";
  for await (const chunk of body) {
    size += chunk.length;
    if (size > largest * MEBIBYTE) throw new Error(`the metrics are longer than ${largest} MiB`);
    const text = rest + decoder.write(chunk);
    const end = text.lastIndexOf("\n");
    rest = text.slice(end + 1);
    if (end >= 0) yield text.slice(0, end);
  }
  rest += decoder.end();
  if (rest !== "") yield rest;
}
