// The version lives in package.json. This script writes it to the places that repeat it, and checks them.
//   node scripts/version.mjs VERSION          sets the version everywhere
//   node scripts/version.mjs --check VERSION  fails when a place says something else
//   node scripts/version.mjs --notes VERSION  prints the section of CHANGELOG.md
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Each place: a file, and a pattern whose second group is the version. */
export const PLACES = [
  ["package.json", /("version": ")([^"]+)(")/],
  ["src/version.ts", /(AVIARY_VERSION = ")([^"]+)(")/],
  ["charts/aviary/Chart.yaml", /(\nversion: )(\S+)(\n)/],
  ["charts/aviary/Chart.yaml", /(\nappVersion: )(\S+)(\n)/],
  ["charts/loadtester/Chart.yaml", /(\nversion: )(\S+)(\n)/],
  ["charts/loadtester/Chart.yaml", /(\nappVersion: )(\S+)(\n)/],
  ["deploy/operator/operator.yaml", /(image: ghcr\.io\/aviary-delivery\/aviary:)(\S+)(\n)/],
  ["examples/console/console.yaml", /(image: ghcr\.io\/aviary-delivery\/aviary:)(\S+)(\n)/],
  ["deploy/loadtester/loadtester.yaml", /(image: ghcr\.io\/aviary-delivery\/aviary[a-z-]*:)(\S+)(\n)/],
  ["release/krew/aviary.yaml", /(version: v)(\S+)(\n)/],
  ["release/krew/aviary.yaml", /(\/download\/v)([^/]+)(\/)/],
  ["release/krew/aviary.yaml", /(\/aviary-)([0-9][^/]*)(\.tgz)/],
];

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** @returns one line for each place whose version is another one */
export function disagreements(version) {
  return PLACES.flatMap(([file, pattern]) => {
    const found = pattern.exec(readFileSync(path(file), "utf8"))?.[2];
    return found === version ? [] : [`${file} says ${found ?? "no version"}, not ${version}`];
  });
}

function set(version) {
  for (const [file, pattern] of PLACES) {
    const text = readFileSync(path(file), "utf8");
    writeFileSync(path(file), text.replace(pattern, `$1${version}$3`));
  }
}

function notes(version) {
  const sections = readFileSync(path("CHANGELOG.md"), "utf8").split(/^(?=## )/m);
  return sections.find((section) => section.startsWith(`## ${version}`) || section.startsWith(`## [${version}]`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const version = words.at(-1) ?? "";
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(version)) {
    console.error("usage: node scripts/version.mjs [--check|--notes] VERSION, for example 1.2.3");
    process.exit(2);
  }
  if (words[0] === "--check") {
    const wrong = disagreements(version);
    for (const line of wrong) console.error(line);
    process.exit(wrong.length === 0 ? 0 : 1);
  }
  if (words[0] === "--notes") {
    const text = notes(version);
    if (text === undefined) console.error(`CHANGELOG.md has no section "## ${version}"`);
    else console.log(text);
    process.exit(text === undefined ? 1 : 0);
  }
  set(version);
  console.log(`version ${version} is set in ${new Set(PLACES.map(([file]) => file)).size} files`);
}
