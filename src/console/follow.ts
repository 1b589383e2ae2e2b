/**
 * Sends the stream of changes to browsers. All of them share one heartbeat, and at each beat the rights of a person are
 * read once for all pages of that person: a hundred open pages cost little while nothing changes.
 */
import type { Context, Hono } from "hono";
import { type SSEMessage, type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { User } from "./access.ts";
import { namespaceOf, visible } from "./route.ts";
import { type Served, userOf } from "./served.ts";
import type { StreamEvent } from "./stream.ts";
import type { Viewers } from "./viewers.ts";

/** Whether the person may see the canaries of a namespace. */
type Sees = (namespace: string) => boolean;

const HEARTBEAT_MS = 15_000;
const STREAM_MS = 15 * 60_000;
const MOST_UNSENT = 1000;

/** @param viewers counts the pages that follow the stream */
export function addStream(app: Hono, options: Served, viewers: Viewers): void {
  const { clock, signal, stream } = options;
  const nextBeat = createBeats(options);
  app.get("/api/v1/stream", async (context) => {
    const user = await userOf(options, context);
    if (user === undefined) return context.json({ error: "sign in first" }, 401);
    // The place is taken before anything is awaited: of a thousand requests at once none finds it free twice.
    const leave = viewers.enter(user, options.access.mode);
    if (leave === undefined) return context.json({ error: "too many pages follow the stream: close some" }, 429);
    let sees: Sees | undefined = await seesOf(options, user).catch((error: unknown) => {
      leave();
      throw error;
    });
    // A page that opens the stream anew names the last id in the address: a browser sends the header only by itself.
    const since = context.req.header("last-event-id") ?? context.req.query("since");
    context.header("x-accel-buffering", "no");
    context.header("cache-control", "no-store, no-transform");
    return streamSSE(context, async (sse) => {
      const ended = new AbortController();
      sse.onAbort(() => ended.abort());
      const outbox = createOutbox(
        sse,
        ({ namespace }) => namespace === "" || sees?.(namespace) === true,
        () => ended.abort(),
      );
      const stop = stream.subscribe(since, (events) => events.forEach(outbox.send));
      const hello = { event: "hello", data: "{}", namespace: "" };
      outbox.send({ ...hello, id: stream.last, retry: 2000 });
      const until = clock.now() + STREAM_MS;
      const any = AbortSignal.any([ended.signal, signal]);
      const over = new Promise<void>((resolve) => any.addEventListener("abort", () => resolve(), { once: true }));
      while (!any.aborted && clock.now() < until && sees !== undefined) {
        const beat = nextBeat();
        await Promise.race([beat.come, over]);
        if (any.aborted) break;
        // An event and no comment: the page does not hear comments, and reads the whole list when it hears nothing.
        outbox.send(hello);
        // A role that is taken away, or a session that ends, ends what the stream tells.
        sees = await beat.look(context).catch(() => undefined);
      }
      leave();
      stop();
      outbox.close();
    });
  });
}

type Message = Omit<StreamEvent, "id" | "event"> & Pick<SSEMessage, "id" | "event" | "retry">;

/**
 * Writes one message after the other, as fast as the browser reads. What waits is held here, so that it is dropped when
 * the browser does not read, and is judged by the rights that hold when it is written.
 * @param onFull the browser comes back later, and reads the list
 */
function createOutbox(sse: SSEStreamingApi, isSeen: (message: Message) => boolean, onFull: () => void) {
  let waiting: Message[] = [];
  let writing = false;
  async function drain(): Promise<void> {
    writing = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { namespace: _, ...message } = next;
      if (isSeen(next)) await sse.writeSSE(message);
    }
    writing = false;
  }
  const close = () => {
    waiting = [];
  };
  return {
    close,
    send(message: Message): void {
      waiting.push(message);
      if (!writing) void drain();
      if (waiting.length <= MOST_UNSENT) return;
      close();
      onFull();
    },
  };
}

const seesOf = (options: Served, user: User): Promise<Sees> =>
  visible(options, user, "canaries", () => options.canaries.list().map(namespaceOf));

interface Beat {
  readonly come: Promise<void>;
  /** What the person who follows may see now; undefined when the session is over. */
  look(context: Context): Promise<Sees | undefined>;
}

/** @returns the beat that comes next, the same for every page that waits for one */
function createBeats(options: Served): () => Beat {
  const { clock, signal } = options;
  let next: Beat | undefined;
  return () => {
    if (next !== undefined) return next;
    const looks = new Map<string, Promise<Sees>>();
    const come = clock
      .sleep(HEARTBEAT_MS, signal)
      .catch(() => undefined)
      .then(() => {
        next = undefined;
      });
    next = {
      come,
      async look(context) {
        const user = await userOf(options, context);
        if (user === undefined) return undefined;
        const key = JSON.stringify([user.name, user.groups]);
        const sees = looks.get(key) ?? seesOf(options, user);
        looks.set(key, sees);
        return await sees;
      },
    };
    return next;
  };
}
