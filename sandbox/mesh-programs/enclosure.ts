/**
 * Programs that read files at fixed places and listen at fixed ports, as in a container. Such a program runs in
 * namespaces of its own: its files are where it looks for them, and its ports are its own. Everything else is as on
 * this machine. That needs `unshare`, and no rights but the one to make user namespaces.
 *
 *   this machine: 127.0.0.1:40123 ──► bridge ──► DIR/18000.sock ──► bridge inside ──► 127.0.0.1:18000 of the program
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

export interface Enclosure {
  /** Absolute path -> content. The topmost folders of these files hide those of this machine. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** The program has a network of its own, with these ways in and out; it has that of this machine when absent. */
  readonly ports?: {
    /** A port of the program -> the port of this machine that leads there. */
    readonly in: ReadonlyMap<number, number>;
    /** Ports of this machine that the program reaches, under the same number. */
    readonly out: readonly number[];
  };
}

export interface EnclosedProgram {
  readonly line: CommandLine;
  /** Must run beside the program when it has a network of its own. */
  readonly bridge: CommandLine | undefined;
}

/**
 * Carries connections from the first to the second of "FROM=TO"; each is a port of 127.0.0.1 or the path of a socket.
 * The first argument is a file that gets a line when all is open.
 */
const BRIDGE = `
const net = require("node:net");
const [ready, ...ways] = process.argv.slice(1);
let closed = ways.length;
const place = (text) => (/^[0-9]+$/.test(text) ? { host: "127.0.0.1", port: Number(text) } : { path: text });
for (const way of ways) {
  const [from, to] = way.split("=");
  net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const onward = net.connect({ ...place(to), allowHalfOpen: true });
    socket.pipe(onward).pipe(socket);
    socket.on("error", () => onward.destroy()).on("close", () => onward.destroy());
    onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
  }).listen(place(from), () => {
    closed -= 1;
    if (closed === 0) require("node:fs").writeFileSync(ready, "open\\n");
  });
}
process.stdin.resume().on("end", () => process.exit(0)).on("error", () => process.exit(0));
`;

/** The new root is a small file system of memory: this machine's folders are in it, and those of $files. */
const ROOT = `
set -e
root=$1 files=$2
shift 2
mount -t tmpfs tmpfs "$root"
for entry in /*; do
  name=\${entry##*/}
  if [ -L "$entry" ]; then cp -P "$entry" "$root/$name"
  elif [ -d "$entry" ] && [ ! -e "$files/$name" ]; then mkdir "$root/$name"; mount --rbind "$entry" "$root/$name"
  fi
done
for entry in "$files"/*; do
  [ -e "$entry" ] || continue
  name=\${entry##*/}
  mkdir "$root/$name"
  mount --bind "$entry" "$root/$name"
done
`;

/** The bridge has the program's own stdin: it ends with the program. */
const NETWORK = `
node=$1 bridge=$2 ways=$3
shift 3
PATH=$PATH:/usr/sbin:/sbin ip link set lo up
exec 3<&0
mkfifo "$root.open"
"$node" -e "$bridge" "$root.open" $ways <&3 &
read _ < "$root.open"
`;

const PROGRAM = `
exec chroot "$root" "$@"
`;

/** @param dir an empty folder, whose path has no spaces */
export function enclose(dir: string, { files, ports }: Enclosure, { command, args }: CommandLine): EnclosedProgram {
  const [root, store] = [join(dir, "root"), join(dir, "files")];
  for (const folder of [root, store]) mkdirSync(folder, { recursive: true });
  for (const [path, content] of files) {
    const place = join(store, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode: 0o600 });
  }
  const own = ["--user", "--map-root-user", "--mount", ...(ports === undefined ? [] : ["--net"])];
  const script = `${ROOT}${ports === undefined ? "" : NETWORK}${PROGRAM}`;
  const socket = (port: number) => join(dir, `${port}.sock`);
  const inside = [
    ...[...(ports?.in.keys() ?? [])].map((port) => `${socket(port)}=${port}`),
    ...(ports?.out ?? []).map((port) => `${port}=${socket(port)}`),
  ];
  const outside = [
    ...[...(ports?.in ?? [])].map(([port, here]) => `${here}=${socket(port)}`),
    ...(ports?.out ?? []).map((port) => `${socket(port)}=${port}`),
  ];
  const network = ports === undefined ? [] : [process.execPath, BRIDGE, inside.join(" ")];
  return {
    line: { command: "unshare", args: [...own, "sh", "-c", script, "sh", root, store, ...network, command, ...args] },
    bridge: ports && { command: process.execPath, args: ["-e", BRIDGE, "/dev/null", ...outside] },
  };
}
