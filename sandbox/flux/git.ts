/** Runs the git of this machine. Its own configuration files do not count, and it never asks for a password. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const LIMIT_MS = 60_000;

export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  // The folder may belong to another user than the sandbox's.
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
};

/** @returns standard output. @throws Error with the first line of git's complaint */
export function git(
  args: readonly string[],
  cwd?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...GIT_ENVIRONMENT, ...env }, timeout: LIMIT_MS, maxBuffer: 16 * 1024 * 1024 };
    execFile("git", [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`git ${args[0]}: ${complaint(stderr) || error.message}`, { cause: error }));
    });
  });
}

const complaint = (stderr: string): string =>
  stderr
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "" && !line.startsWith("hint:"))
    ?.replace(/^(fatal|error): /, "") ?? "";

export interface Reference {
  readonly branch?: string;
  readonly tag?: string;
  readonly commit?: string;
}

export interface Artifact {
  /** As Flux writes it: "main@sha1:0123…" */
  readonly revision: string;
  /** The folder that holds the files of the commit. */
  readonly folder: string;
}

/** Of addresses that objects of the cluster name. Other protocols run programs or read this machine's folders. */
const REMOTE_ONLY = { GIT_ALLOW_PROTOCOL: "http:https:ssh" };
/** As Flux's own definition of the kind has it. */
const ADDRESS = /^(?:https?|ssh):\/\/[^-\s]/;

/** Fetches one commit into a cache and lays out its files. @param cache a folder of this repository's own */
export async function fetchArtifact(url: string, ref: Reference, cache: string): Promise<Artifact> {
  // What begins with a hyphen would be an option of git, and options name programs to run.
  if (!ADDRESS.test(url)) throw new Error(`url ${url} is no address: use http, https or ssh`);
  const mirror = join(cache, "mirror.git");
  if (!existsSync(mirror)) {
    await mkdir(cache, { recursive: true });
    await git(["init", "--quiet", "--bare", mirror]);
  }
  const wanted =
    ref.commit ?? (ref.tag === undefined ? `refs/heads/${ref.branch ?? "master"}` : `refs/tags/${ref.tag}`);
  const fetch = ["--git-dir", mirror, "fetch", "--quiet", "--depth", "1", "--force", "--", url, wanted];
  await git(fetch, undefined, REMOTE_ONLY);
  const commit = (await git(["--git-dir", mirror, "rev-parse", "FETCH_HEAD^{commit}"])).trim();
  const folder = join(cache, commit);
  if (!existsSync(folder)) {
    const unfinished = `${folder}.part`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await git(["--git-dir", mirror, "--work-tree", unfinished, "checkout", "--quiet", "--force", commit, "--", "."]);
    await rename(unfinished, folder);
  }
  const name = ref.tag ?? ref.branch ?? (ref.commit === undefined ? "master" : undefined);
  return { revision: name === undefined ? `sha1:${commit}` : `${name}@sha1:${commit}`, folder };
}
