/**
 * The Git repository that the walk-through deploys from: made from this checkout for the sandbox, or the checkout
 * itself.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument, YAMLSeq } from "yaml";
import { git } from "../../../sandbox/flux/git.ts";
import { errorText } from "../../error-text.ts";
import { PROJECT_ROOT } from "../../project-root.ts";
import { UserError } from "../command.ts";

/** What Flux deploys. Nothing else of the checkout goes into the sandbox's repository. */
const DEPLOYED = ["clusters", "infrastructure", "apps", "deploy", "examples"];
export const APP = "apps/podinfo/kustomization.yaml";
export const BRANCH = "main";

/** Commits are made under this name, so that no configuration of git is needed. */
const AUTHOR = {
  GIT_AUTHOR_NAME: "Aviary",
  GIT_AUTHOR_EMAIL: "aviary@localhost",
  GIT_COMMITTER_NAME: "Aviary",
  GIT_COMMITTER_EMAIL: "aviary@localhost",
};

/** @throws UserError when git is not installed */
export async function requireGit(): Promise<void> {
  await git(["--version"]).catch((cause: unknown) => {
    throw new UserError("git is not installed: install git, or use `make infrastructure GITOPS=no`", 1, { cause });
  });
}

/**
 * Makes the repository, or brings an existing one up to date with this checkout. The released image stays as it is.
 * @returns whether there was something to commit
 */
export async function syncRepository(folder: string): Promise<boolean> {
  const isNew = !existsSync(join(folder, ".git"));
  const released = isNew ? undefined : releasedTag(folder);
  mkdirSync(folder, { recursive: true });
  if (isNew) await git(["init", "--quiet", "--initial-branch", BRANCH, folder]);
  for (const name of DEPLOYED) {
    rmSync(join(folder, name), { recursive: true, force: true });
    cpSync(join(PROJECT_ROOT, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/\.terraform|\.tfstate|\.tfvars$/.test(path),
    });
  }
  if (released !== undefined) setTag(folder, released);
  return await commit(folder, isNew ? "The walk-through" : "The manifests of this checkout");
}

/** @returns whether there was something to commit */
async function commit(folder: string, message: string): Promise<boolean> {
  await git(["add", "--all"], folder);
  const changes = await git(["status", "--porcelain"], folder);
  if (changes === "") return false;
  await git(["commit", "--quiet", "-m", message], folder, AUTHOR);
  return true;
}

export const head = async (folder: string): Promise<string> => (await git(["rev-parse", "HEAD"], folder)).trim();

/** The tag of podinfo's image. @throws UserError when the file names none */
export function releasedTag(folder: string): string {
  const file = join(folder, APP);
  if (!existsSync(file)) throw new UserError(`${file} is missing: this folder holds no walk-through`);
  const tag: unknown = parseDocument(readFileSync(file, "utf8")).getIn(["images", 0, "newTag"]);
  if (typeof tag !== "string") throw new UserError(`${file} has no images[0].newTag that is text`);
  return tag;
}

/** Changes this one line, and keeps comments and the rest. */
function setTag(folder: string, tag: string): void {
  const file = join(folder, APP);
  const document = parseDocument(readFileSync(file, "utf8"));
  if (!(document.get("images") instanceof YAMLSeq)) throw new UserError(`${file} has no list "images"`);
  document.setIn(["images", 0, "newTag"], tag);
  writeFileSync(file, document.toString({ lineWidth: 0 }));
}

export interface Bump {
  readonly from: string;
  readonly to: string;
  readonly commit: string;
}

/** "6.0.0" -> "6.0.1" in the repository, as a commit. @throws UserError when the tag does not end in a number */
export async function bumpInRepository(folder: string): Promise<Bump> {
  const from = releasedTag(folder);
  const [, front = "", number] = /^(.*?)(\d+)$/.exec(from) ?? [];
  if (number === undefined) throw new UserError(`tag "${from}" has no version to count up: set it by hand in ${APP}`);
  const to = `${front}${Number(number) + 1}`;
  setTag(folder, to);
  await git(["add", APP], folder);
  await git(["commit", "--quiet", "-m", `podinfo ${to}`, "--", APP], folder, await author(folder));
  return { from, to, commit: await head(folder) };
}

/** A checkout of the user's has an author of its own. */
async function author(folder: string): Promise<Readonly<Record<string, string>>> {
  const home = process.env["HOME"];
  const own = home === undefined ? {} : { HOME: home, GIT_CONFIG_GLOBAL: join(home, ".gitconfig") };
  const name = await git(["config", "user.name"], folder, own).catch(() => "");
  return name.trim() === "" ? AUTHOR : own;
}

/** What keeps a checkout from being released from by a commit that is pushed. Undefined: nothing. */
export async function problemOfCheckout(folder: string): Promise<string | undefined> {
  const inside = await git(["rev-parse", "--is-inside-work-tree"], folder).catch(() => "");
  if (inside.trim() !== "true") return `${folder} is no Git repository: clone your fork of Aviary and work there`;
  const remote = await git(["remote"], folder);
  if (remote.trim() === "")
    return "the repository has no remote: `git remote add origin URL` names the one that Flux deploys from";
  const branch = (await git(["branch", "--show-current"], folder)).trim();
  if (branch === "") return "no branch is checked out: `git switch main` first";
  const dirty = (await git(["status", "--porcelain", "--untracked-files=no"], folder)).trim();
  if (dirty !== "")
    return `the working tree has changes that are not committed (${dirty.split("\n").length} files): commit or stash them first`;
  return undefined;
}

/** @throws UserError with git's complaint */
export async function push(folder: string): Promise<void> {
  const home = process.env["HOME"] ?? "";
  const env = {
    HOME: home,
    GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
    SSH_AUTH_SOCK: process.env["SSH_AUTH_SOCK"] ?? "",
  };
  await git(["push", "--quiet", "origin", "HEAD"], folder, env).catch((cause: unknown) => {
    const why = errorText(cause);
    throw new UserError(`the commit was made, but not pushed (${why}). Push it by hand: git push origin HEAD`, 1, {
      cause,
    });
  });
}
