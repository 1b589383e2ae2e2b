// Some registries do not carry every optional platform package of a dependency. `npm install` then leaves
// those packages out of the lockfile and `npm ci` of npm 11 refuses it. This adds the missing optional
// entries (version, os, cpu, no address), so that the lockfile is accepted by npm 10 and npm 11.
// Run it after every change of the dependencies: node scripts/complete-lockfile.mjs
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const known = (name, parent) =>
  lock.packages[`node_modules/${name}`] !== undefined || lock.packages[`${parent}/node_modules/${name}`] !== undefined;

let added = 0;
for (const [parent, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (known(name, parent)) continue;
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ""),
      optional: true,
      ...platformOf(name),
      dev: true,
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added} optional entries`);

/** Reads os and cpu off the package's name, e.g. "@scope/cli-linux-arm64-musl". */
function platformOf(name) {
  const os = [
    "android",
    "darwin",
    "freebsd",
    "linux",
    "netbsd",
    "openbsd",
    "openharmony",
    "sunos",
    "win32",
    "aix",
  ].find((o) => name.includes(o));
  const cpu = ["arm64", "x64", "ia32", "riscv64", "s390x", "ppc64", "loong64", "mips64el", "wasm32", "arm"].find((c) =>
    name.includes(c),
  );
  return { ...(os ? { os: [os] } : {}), ...(cpu ? { cpu: [cpu] } : {}) };
}
