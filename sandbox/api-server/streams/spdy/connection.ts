/** One side of a SPDY/3 connection, over a socket or over a WebSocket that carries its bytes. */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";
import { HEADER_DICTIONARY } from "./dictionary.ts";
import {
  controlFrame,
  dataFrame,
  FIN,
  type Frame,
  frameReader,
  headerBlock,
  headersOf,
  TYPES,
  words,
} from "./frames.ts";

const CANCEL = 5;

export interface SpdyStream {
  readonly headers: ReadonlyMap<string, string>;
  /** Ends when the other side has sent all; `end()` tells the other side the same. */
  readonly body: Duplex;
}

/**
 * Serves the streams that the other side opens, until the other side closes the connection: Kubernetes' clients drop
 * what they have not read yet when a server closes first.
 * @param onStream called once for each stream, after it was accepted
 */
export function serveSpdy(transport: Duplex, onStream: (stream: SpdyStream) => void): void {
  const streams = new Map<number, Duplex>();
  const packer = headerPacker();
  const send = (frame: Buffer, done: () => void = () => {}) => {
    if (transport.writable) transport.write(frame, () => done());
    else done();
  };
  const open = async (payload: Buffer, flags: number): Promise<void> => {
    const id = payload.readUInt32BE(0);
    const headers = headersOf(await packer.unpack(payload.subarray(10)));
    const body = bodyOf(id, send, () => streams.delete(id));
    streams.set(id, body);
    send(controlFrame(TYPES.synReply, Buffer.concat([words(id), await packer.pack(headerBlock({}))])));
    if ((flags & FIN) !== 0) body.push(null);
    onStream({ headers, body });
  };
  const control = async (type: number, payload: Buffer, flags: number): Promise<void> => {
    if (type === TYPES.synStream) await open(payload, flags);
    // The other side's headers are one compressed text: a block that is skipped would spoil those that follow.
    else if (type === TYPES.headers) await packer.unpack(payload.subarray(4));
    else if (type === TYPES.ping) send(controlFrame(TYPES.ping, payload));
    else if (type === TYPES.rstStream) streams.get(payload.readUInt32BE(0))?.destroy();
  };
  const handle = async (frame: Frame): Promise<void> => {
    if (frame.kind === "control") return control(frame.type, frame.payload, frame.flags);
    const body = streams.get(frame.stream);
    if (body === undefined || body.destroyed) return;
    if (frame.payload.length > 0) body.push(frame.payload);
    if ((frame.flags & FIN) !== 0) body.push(null);
  };
  const read = frameReader();
  let queue: Promise<void> = Promise.resolve();
  const fail = () => {
    transport.destroy();
  };
  transport.on("data", (chunk: Buffer) => {
    for (const frame of read(chunk)) queue = queue.then(() => handle(frame)).catch(fail);
  });
  transport.once("end", () => {
    void queue.then(() => {
      transport.end();
    });
  });
  transport.on("error", fail);
  transport.once("close", () => {
    packer.close();
    for (const body of streams.values()) body.destroy();
  });
}

function bodyOf(id: number, send: (frame: Buffer, done?: () => void) => void, gone: () => void): Duplex {
  return new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => send(dataFrame(id, chunk), done),
    final: (done) => send(dataFrame(id, Buffer.alloc(0), FIN), done),
    destroy: (_error, done) => {
      gone();
      done(null);
    },
  })
    .on("error", () => {})
    .on("close", function onClose(this: Duplex) {
      // A side that leaves in the middle must say so: else the other side waits for the rest.
      if (!this.writableFinished) send(controlFrame(TYPES.rstStream, words(id, CANCEL)));
    });
}

/** Header blocks of one connection are one compressed text per direction, flushed after each block. */
function headerPacker() {
  const dictionary = HEADER_DICTIONARY;
  const inflate = createInflate({ dictionary });
  const deflate = createDeflate({ dictionary });
  return {
    unpack: (block: Buffer) => through(inflate, block),
    pack: (block: Buffer) => through(deflate, block),
    close: () => {
      inflate.destroy();
      deflate.destroy();
    },
  };
}

function through(codec: Inflate | Deflate, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    codec.once("error", reject);
    codec.write(block);
    codec.flush(constants.Z_SYNC_FLUSH, () => {
      codec.off("error", reject);
      const parts: Buffer[] = [];
      for (let part = codec.read(); part !== null; part = codec.read()) parts.push(part);
      resolve(Buffer.concat(parts));
    });
  });
}
