/** The text of an answer, as far as the caller wants to read it. */
import { KubeError } from "../ports/kube.ts";

/** Reason of the error for an answer that is larger than the caller wants. */
export const TOO_LARGE = "AnswerTooLarge";

interface Body extends AsyncIterable<Uint8Array> {
  text(): Promise<string>;
}

/** @param mostBytes what the answer may have; absent: any size @throws KubeError with the reason TOO_LARGE */
export async function answerText(
  body: Body,
  { method, path, mostBytes }: { readonly method: string; readonly path: string; readonly mostBytes?: number },
): Promise<string> {
  if (mostBytes === undefined) return await body.text();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop closes the connection: the rest is not sent.
    if (size > mostBytes)
      throw new KubeError(0, TOO_LARGE, `the answer to ${method} ${path} is larger than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
